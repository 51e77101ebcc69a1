/** Why a recording ended, in words. */

import { clock } from "./dom.js";

/** @param {{ reason: string, seconds: number, recording: import("../recorder.js").Recording | null }} ended */
export function endedOf({ reason, seconds, recording }) {
  if (!recording) return "";
  const kept = recording.state === "held" ? "It does not replace your answer yet." : "";
  return [`${because(reason, seconds)}`, kept].filter(Boolean).join(" ");
}

/**
 * What was saved of a recording whose page ended before it did.
 * @param {import("../recorder.js").RecordingEvent} recording
 */
export function cutOffOf({ seconds, state }) {
  const saved = `The page was closed while you recorded; ${clock(seconds)} were saved.`;
  if (state === "discarded") return "";
  if (state === "refused") return saved;
  return `${saved} ${state === "accepted" ? "They are your answer" : "They will be your answer"}, unless you record again.`;
}

/**
 * @param {string} reason
 * @param {number} seconds
 */
function because(reason, seconds) {
  const long = clock(seconds);
  if (reason === "limit") return `The recording ended at its limit, after ${long}.`;
  if (reason === "microphone_lost") return `The recording ended after ${long}: the microphone was unplugged or taken away.`;
  if (reason === "recording_failed") return `The recording ended after ${long}: the browser stopped it.`;
  return `Recorded: ${long}.`;
}
