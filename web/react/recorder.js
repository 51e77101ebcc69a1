"use client";
/**
 * The recorder for React 18 and later, as it is: no build step, no JSX.
 *
 *     const { state, start, stop, canvas } = useRecorder({ token });
 *     <AnswerRecorder session={session} question={question} token={token} />
 *
 * @typedef {import("./recorder.d.ts").RecorderView} RecorderView
 * @typedef {import("./recorder.d.ts").AnswerRecorderProps} AnswerRecorderProps
 * @typedef {import("../recorder.d.ts").RecorderOptions} RecorderOptions
 * @typedef {import("../recorder.d.ts").RecordingEvent} RecordingEvent
 * @typedef {import("../recorder.d.ts").Problem} Problem
 */

import { createElement, useCallback, useEffect, useRef, useState } from "react";
import { Recorder } from "../recorder.js";

const CALLBACKS = /** @type {const} */ (["onState", "onTime", "onLevel", "onQuiet", "onRecording", "onError"]);

/**
 * A recorder for as long as the component is mounted. Options are taken when it mounts, callbacks and token as they are.
 * @param {RecorderOptions} options
 * @returns {RecorderView}
 */
export function useRecorder(options) {
  const latest = useRef(options);
  latest.current = options;
  const recorder = useRef(/** @type {Recorder | null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [state, setState] = useState(/** @type {RecorderView["state"]} */ ("idle"));
  const [time, setTime] = useState({ elapsed: 0, remaining: options.maxDuration ?? 120 });
  const [quiet, setQuiet] = useState(false);
  const [recordings, setRecordings] = useState(/** @type {RecordingEvent[]} */ ([]));
  const [error, setError] = useState(/** @type {Problem | null} */ (null));

  useEffect(() => {
    const shown = {
      onState: (/** @type {any} */ detail) => setState(detail.state),
      onTime: setTime,
      onQuiet: (/** @type {any} */ detail) => setQuiet(detail.quiet),
      onRecording: (/** @type {RecordingEvent} */ detail) => setRecordings((known) => withNewest(known, detail)),
      onError: setError,
    };
    const told = CALLBACKS.map((name) => [
      name,
      (/** @type {any} */ detail) => {
        /** @type {any} */ (shown)[name]?.(detail);
        latest.current[name]?.(detail);
      },
    ]);
    const made = new Recorder({
      canvas: canvas.current,
      ...latest.current,
      ...Object.fromEntries(told),
      token: (asked) => latest.current.token(asked),
    });
    recorder.current = made;
    setState("idle");
    made.recordings().then((kept) => setRecordings((known) => kept.reduce(withNewest, known)), setError);
    return () => {
      recorder.current = null;
      made.close().catch(reportError);
    };
  }, []);

  const start = useCallback(async (/** @type {{ session: string, question: string }} */ answered) => {
    setError(null);
    await recorder.current?.start(answered).catch((trouble) => setError(problemOf(trouble)));
  }, []);
  const stop = useCallback(async () => (await recorder.current?.stop()) ?? null, []);
  return { state, ...time, quiet, recordings, error, start, stop, canvas, recorder };
}

/**
 * A button, the time, the level, and how many answers have arrived.
 * @param {AnswerRecorderProps} props
 */
export function AnswerRecorder({ session, question, labels = {}, ...options }) {
  const view = useRecorder(options);
  const isOn = view.state === "recording";
  const { start = "Record", stop = "Stop" } = labels;
  const press = () => void (isOn ? view.stop() : view.start({ session, question }));
  const sent = view.recordings.filter((one) => one.state === "accepted").length;
  return createElement(
    "div",
    { className: "answer-recorder", "data-state": view.state },
    createElement("canvas", { ref: view.canvas, role: "img", "aria-label": "Microphone level" }),
    createElement("span", { role: "timer" }, clock(isOn ? view.elapsed : 0)),
    createElement("button", { type: "button", onClick: press, disabled: view.state === "asking" }, isOn ? stop : start),
    createElement("span", { role: "status" }, view.error ? view.error.detail : `Sent: ${sent}`),
  );
}

/**
 * h:mm:ss
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/**
 * @param {RecordingEvent[]} known
 * @param {RecordingEvent} newest
 */
function withNewest(known, newest) {
  const others = known.filter((one) => one.id !== newest.id);
  return newest.state === "discarded" ? others : [...others, newest];
}

/**
 * @param {unknown} trouble
 * @returns {Problem}
 */
function problemOf(trouble) {
  const { code = "failed", message = String(trouble) } = /** @type {any} */ (trouble);
  return { status: 0, code, detail: message };
}
