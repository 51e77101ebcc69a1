/** What the widget says; every sentence can be another one, by `labels`. */

import { ASKING } from "../recorder/words.js";

/** @type {import("./recorder.d.ts").Labels} */
export const LABELS = {
  start: "Record",
  stop: "Stop",
  cancel: "Cancel",
  asking: ASKING,
  extend: "Give me more time",
  stored: ({ storedSeconds }) => `${Math.floor(storedSeconds)} s stored`,
  confirm: "Send this one instead",
  discard: "Delete it",
  level: "Microphone level",
  quiet: "Nothing can be heard. Is the right microphone chosen, and not muted?",
  limit: (seconds) => `${Math.ceil(seconds)} seconds left.`,
  ended: { limit: "The time is over.", microphone_lost: "The microphone was unplugged or taken away.", recording_failed: "The browser stopped recording." },
  state: {
    kept: "Kept in this browser; it will be sent.",
    lost: "Kept in this page alone: leave it open until it is sent.",
    sending: "It is being sent.",
    held: "This one is shorter than your answer, or was cut off. Your answer stays as it is.",
    refused: "The server does not take it.",
    accepted: "Sent.",
  },
};

/**
 * The one sentence that matters now.
 * @param {import("./recorder.d.ts").RecorderView} view
 * @param {import("../recorder.d.ts").RecordingEvent[]} mine those of this answer, the newest last
 * @param {import("./recorder.d.ts").Labels} words
 * @param {boolean} isAsking the browser has asked for the microphone for a while
 */
export function saidOf({ state, error, limit, quiet, ended }, mine, words, isAsking) {
  if (isAsking) return words.asking;
  if (error) return error.detail;
  if (state === "recording") return limit ? words.limit(limit.remaining) : quiet ? words.quiet : "";
  const newest = mine.findLast((one) => one.state !== "recording");
  if (!newest) return "";
  const isLost = newest.state === "kept" && !newest.durable;
  const why = ended?.recording?.id === newest.id ? words.ended[ended.reason] : undefined;
  return [why, words.state[isLost ? "lost" : newest.state], newest.state === "refused" && newest.problem?.detail].filter(Boolean).join(" ");
}
