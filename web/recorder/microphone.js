/**
 * The microphone, and what the browser can record from it.
 *
 * @typedef {import("../recorder.js").Problem} Problem
 * @typedef {import("../recorder.js").Device} Device
 */

import { problem, RecorderError } from "./words.js";

/** What is asked for first comes first: Chromium and Firefox have WebM, older Firefox Ogg, Safari MP4. */
const MP4 = "audio/mp4";
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", MP4, "audio/webm"];

const TIMESLICE = 1000;
/** Where shorter ones come empty: WebKit, bug 58910. */
const TIMESLICE_OF_WEBKIT = 3000;

/** Some browsers end a recording, and say nothing: what has come until then is all of it. */
const LONGEST_STOP = 8000;
/** Timeslices after which a chunk is asked for: Chromium gives none of itself once the device has slept, until the end. */
const LATE = 3;

const CODES = /** @type {Record<string, string>} */ ({
  NotAllowedError: "microphone_denied",
  SecurityError: "microphone_denied",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_busy",
});

/**
 * Why this page cannot record; null if it can.
 * @returns {Problem | null}
 */
export function whyUnsupported() {
  if (!globalThis.isSecureContext) return problem("insecure_page");
  return navigator.mediaDevices && globalThis.MediaRecorder ? null : problem("unsupported");
}

/** Whether there is anything to record with. */
export const isSupported = () => !whyUnsupported();

/**
 * The first of the types that this browser records; the empty string, where there is none, leaves the choice to it.
 * @param {string[]} [types]
 */
export function chooseType(types = usualTypes()) {
  return types.find((type) => globalThis.MediaRecorder?.isTypeSupported(type)) ?? "";
}

/**
 * @param {MediaTrackConstraints} [more]
 * @returns {Promise<MediaStream>}
 */
export async function openMicrophone(more) {
  const why = whyUnsupported();
  if (why) throw new RecorderError(why.code);
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, ...more };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (trouble) {
    throw new RecorderError(CODES[/** @type {DOMException} */ (trouble).name] ?? "microphone_failed");
  }
}

/**
 * Whether it can be recorded: a microphone that was unplugged, or that the system has taken away, stays silent for ever.
 * @param {MediaStream} stream
 */
export const isLive = (stream) => stream.getAudioTracks().every(({ readyState }) => readyState === "live");

/** @param {MediaStream} stream */
export function closeMicrophone(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * The microphones; before the first permission a browser names none.
 * @returns {Promise<Device[]>}
 */
export async function microphones() {
  const found = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return found.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId).map(({ deviceId, label }) => ({ deviceId, label }));
}

/**
 * The one that a stream comes from.
 * @param {MediaStream} stream
 * @returns {Device}
 */
export function microphoneOf(stream) {
  const [track] = stream.getAudioTracks();
  return { deviceId: track.getSettings().deviceId ?? "", label: track.label };
}

/**
 * Record the stream: a chunk each timeslice, and the end when it is stopped, the microphone is lost or recording fails.
 * @param {MediaStream} stream
 * @param {{ type: string, bitsPerSecond: number, timeslice?: number }} how
 * @param {{ onStart: (type: string) => void, onChunk: (chunk: Blob) => void, onEnd: (trouble: Problem | null) => void }} told
 * @returns {() => void} stops it
 */
export function capture(stream, { type, bitsPerSecond, timeslice = usualTimeslice() }, { onStart, onChunk, onEnd }) {
  const options = { audioBitsPerSecond: bitsPerSecond, ...(type && { mimeType: type }) };
  const machine = new MediaRecorder(stream, options);
  /** @type {string | null} */
  let trouble = "microphone_lost"; // unless somebody stops it
  const isOver = new AbortController(); // a browser may keep a track, with all that listens to it
  const over = () => {
    if (isOver.signal.aborted) return;
    isOver.abort();
    onEnd(trouble === null ? null : problem(trouble));
  };
  const end = (/** @type {string | null} */ why) => {
    const late = setTimeout(over, LONGEST_STOP);
    isOver.signal.addEventListener("abort", () => clearTimeout(late));
    if (machine.state === "inactive") return;
    trouble = why;
    machine.stop();
  };
  let givenAt = performance.now();
  const ask = () => machine.state === "recording" && performance.now() - givenAt > LATE * timeslice && machine.requestData();
  machine.onstart = () => onStart(machine.mimeType || type);
  machine.ondataavailable = ({ data }) => {
    givenAt = performance.now();
    if (data.size && !isOver.signal.aborted) onChunk(data);
  };
  machine.onerror = () => end((trouble = "recording_failed"));
  machine.onstop = over;
  for (const track of stream.getAudioTracks()) track.addEventListener("ended", () => end("microphone_lost"), { signal: isOver.signal });
  machine.start(timeslice);
  const asking = setInterval(ask, timeslice);
  isOver.signal.addEventListener("abort", () => clearInterval(asking));
  return () => end(null);
}

const isWebKit = () => navigator.vendor?.startsWith("Apple");

const usualTimeslice = () => (isWebKit() ? TIMESLICE_OF_WEBKIT : TIMESLICE);

/** Since Safari 18.4 WebKit records WebM as well, but does not play what it has recorded. */
const usualTypes = () => (isWebKit() ? [MP4, ...TYPES] : TYPES);
