/** A take that does not count by itself: a fragment, or one that is much shorter than the earlier one. */

import { clock, h } from "./dom.js";
import { listenButton } from "./listen.js";

/**
 * What is said of it, and what can be done with it.
 * @param {import("../recorder.js").Recording} recording
 * @param {import("../recorder.js").Recorder} recorder
 */
export function heldNotice(recording, recorder) {
  const { id, seconds } = recording;
  const of = `the recording of ${clock(seconds)}`;
  const button = (/** @type {string} */ words, /** @type {() => Promise<void>} */ act) =>
    h("button.quiet.small", { type: "button", "aria-label": `${words}: ${of}`, onclick: () => act().catch(reportError) }, words);
  return h(
    "div.held",
    { "data-held": id },
    h("p", {}, saidOf(recording)),
    h(
      "div.row",
      {},
      listenButton(() => recorder.audio(id), of),
      button("Use this one", () => recorder.confirm(id)),
      button("Delete this one", () => recorder.discard(id)),
    ),
  );
}

/** @param {import("../recorder.js").Recording} recording */
function saidOf({ end, seconds, replaces }) {
  const earlier = typeof replaces === "number" ? `the earlier one of ${clock(replaces)}` : "the earlier one";
  const choice = `Unless you use it, ${earlier} counts.`;
  if (end === "page_left") return `A fragment: ${clock(seconds)} were saved of a recording that was cut off. ${choice}`;
  if (end === "microphone_lost" || end === "recording_failed") return `A fragment: the recording broke off after ${clock(seconds)}. ${choice}`;
  return `This recording is only ${clock(seconds)} long. ${choice}`;
}
