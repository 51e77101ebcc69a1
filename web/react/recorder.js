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
import { SOON } from "../recorder/asking.js";
import { LABELS, saidOf } from "./words.js";

const CALLBACKS = /** @type {const} */ ([
  "onState",
  "onTime",
  "onLevel",
  "onQuiet",
  "onLimit",
  "onEnded",
  "onDevices",
  "onRecording",
  "onStored",
  "onError",
]);

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
  const [limit, setLimit] = useState(/** @type {RecorderView["limit"]} */ (null));
  const [ended, setEnded] = useState(/** @type {RecorderView["ended"]} */ (null));
  const [recordings, setRecordings] = useState(/** @type {RecordingEvent[]} */ ([]));
  const [stored, setStored] = useState(/** @type {RecorderView["stored"]} */ (null));
  const [error, setError] = useState(/** @type {Problem | null} */ (null));

  useEffect(() => {
    const shown = {
      onState: (/** @type {any} */ detail) => setState(detail.state),
      onTime: setTime,
      onQuiet: (/** @type {any} */ detail) => setQuiet(detail.quiet),
      onLimit: setLimit,
      onEnded: setEnded,
      onRecording: (/** @type {RecordingEvent} */ detail) => setRecordings((known) => withNewest(known, detail)),
      onStored: setStored,
      onError: setError,
    };
    const told = CALLBACKS.map((name) => [
      name,
      (/** @type {any} */ detail) => {
        if (recorder.current !== made) return; // it ends while the next is mounted already
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

  const start = useCallback(async (/** @type {import("../recorder.d.ts").Answered} */ answered) => {
    setError(null);
    setLimit(null);
    setEnded(null);
    setStored(null);
    await recorder.current?.start(answered).catch((trouble) => setError(problemOf(trouble)));
  }, []);
  const stop = useCallback(async () => (await recorder.current?.stop()) ?? null, []);
  const extend = useCallback(() => {
    const isLater = recorder.current?.extend() ?? false;
    if (isLater) setLimit(null);
    return isLater;
  }, []);
  return { state, ...time, quiet, limit, ended, recordings, stored, error, start, stop, extend, canvas, recorder };
}

/**
 * A button that starts and stops, the time, the level, and what is to be known of the answer. Where another answer takes
 * the place of one that is being recorded, that recording ends, as if it had been stopped.
 * @param {AnswerRecorderProps} props
 */
export function AnswerRecorder({ session, question, replaces, labels = {}, ...options }) {
  const view = useRecorder(options);
  const words = { ...LABELS, ...labels };
  const isOn = view.state === "recording";
  const isAsking = useAsking(view.state);
  const isBusy = (view.state === "asking" && !isAsking) || view.state === "saving";
  const press = (/** @type {{ detail: number }} */ { detail }) => {
    if (!isBusy && detail < 2) void (isOn || isAsking ? view.stop() : view.start({ session, question, replaces }));
  };
  useEffect(() => () => void view.stop().catch(reportError), [session, question]);
  const mine = view.recordings.filter((one) => one.session === session && one.question === question);
  const held = mine.find((one) => one.state === "held");
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  /** One that goes once it is pressed, and leaves the keyboard where it began. */
  const act = (/** @type {string} */ text, /** @type {() => unknown} */ go) => {
    const onClick = () => {
      go();
      button.current?.focus();
    };
    return createElement("button", { type: "button", key: text, onClick }, text);
  };
  return createElement(
    "div",
    { className: "answer-recorder", "data-state": view.state },
    createElement("canvas", { ref: view.canvas, role: "img", "aria-label": words.level }),
    createElement("span", { role: "timer" }, clock(isOn ? view.elapsed : 0)),
    isOn && view.stored && createElement("span", { className: "stored" }, words.stored(view.stored)),
    // Never disabled: who stands on it with the keyboard would stand nowhere.
    createElement("button", { ref: button, type: "button", onClick: press, onKeyDown: pressOnce, "aria-disabled": isBusy }, isOn ? words.stop : isAsking ? words.cancel : words.start),
    isOn && view.limit?.canExtend && act(words.extend, view.extend),
    createElement("span", { role: "status" }, saidOf(view, mine, words, isAsking)),
    held && act(words.confirm, () => view.recorder.current?.confirm(held.id)),
    held && act(words.discard, () => view.recorder.current?.discard(held.id)),
  );
}

/**
 * A key that is held down is pressed once.
 * @param {import("react").KeyboardEvent} event
 */
function pressOnce(event) {
  if (event.repeat && event.key === "Enter") event.preventDefault();
}

/**
 * Whether the browser has asked for the microphone for a while, perhaps unseen.
 * @param {RecorderView["state"]} state
 */
function useAsking(state) {
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    if (state !== "asking") return;
    const timer = setTimeout(() => setAsking(true), SOON);
    return () => {
      clearTimeout(timer);
      setAsking(false);
    };
  }, [state]);
  return isAsking;
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
