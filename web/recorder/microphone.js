/**
 * The microphone, and what the browser can record from it.
 *
 * @typedef {import("../recorder.js").Problem} Problem
 */

/** What is asked for first comes first: Chromium and Firefox have WebM, older Firefox Ogg, Safari MP4. */
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4", "audio/webm"];

const REASONS = /** @type {Record<string, [string, string]>} */ ({
  NotAllowedError: ["microphone_denied", "The browser may not use the microphone. Allow it for this page, and try again."],
  SecurityError: ["microphone_denied", "This page may not use the microphone."],
  NotFoundError: ["microphone_missing", "No microphone was found. Plug one in, and try again."],
  OverconstrainedError: ["microphone_missing", "The chosen microphone was not found."],
  NotReadableError: ["microphone_busy", "The microphone cannot be used at the moment. Is another program using it?"],
});

export class RecorderError extends Error {
  /**
   * @param {string} code
   * @param {string} detail
   */
  constructor(code, detail) {
    super(detail);
    this.name = "RecorderError";
    this.code = code;
  }
}

/** Whether there is anything to record with. */
export function isSupported() {
  return Boolean(globalThis.isSecureContext && navigator.mediaDevices && globalThis.MediaRecorder);
}

/**
 * The first of the types that this browser records; the empty string, where there is none, leaves the choice to it.
 * @param {string[]} [types]
 */
export function chooseType(types = TYPES) {
  return types.find((type) => globalThis.MediaRecorder?.isTypeSupported(type)) ?? "";
}

/**
 * @param {MediaTrackConstraints} [more]
 * @returns {Promise<MediaStream>}
 */
export async function openMicrophone(more) {
  if (!globalThis.isSecureContext) {
    throw new RecorderError("insecure_page", "A microphone needs https, or a page on localhost.");
  }
  if (!isSupported()) throw new RecorderError("unsupported", "This browser cannot record sound.");
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, ...more };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (trouble) {
    const { name, message } = /** @type {DOMException} */ (trouble);
    const [code, detail] = REASONS[name] ?? ["microphone_failed", message];
    throw new RecorderError(code, detail);
  }
}

/** @param {MediaStream} stream */
export function closeMicrophone(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * Record the stream: a chunk each timeslice, and the end when it is stopped, the microphone is lost or recording fails.
 * @param {MediaStream} stream
 * @param {{ type: string, bitsPerSecond: number, timeslice: number }} how
 * @param {{ onStart: (type: string) => void, onChunk: (chunk: Blob) => void, onEnd: (trouble: Problem | null) => void }} told
 * @returns {() => void} stops it
 */
export function capture(stream, { type, bitsPerSecond, timeslice }, { onStart, onChunk, onEnd }) {
  const options = { audioBitsPerSecond: bitsPerSecond, ...(type && { mimeType: type }) };
  const machine = new MediaRecorder(stream, options);
  /** @type {Problem | null} */
  let trouble = null;
  const stop = () => {
    if (machine.state !== "inactive") machine.stop();
  };
  machine.onstart = () => onStart(machine.mimeType || type);
  machine.ondataavailable = ({ data }) => data.size && onChunk(data);
  machine.onerror = (event) => {
    const { message } = /** @type {Event & { error?: DOMException }} */ (event).error ?? {};
    trouble = { status: 0, code: "recording_failed", detail: message || "The browser stopped recording." };
    stop();
  };
  for (const track of stream.getAudioTracks()) {
    track.addEventListener("ended", () => {
      trouble ??= { status: 0, code: "microphone_lost", detail: "The microphone was unplugged or taken away." };
      stop();
    });
  }
  machine.onstop = () => onEnd(trouble);
  machine.start(timeslice);
  return stop;
}
