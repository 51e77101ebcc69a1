/** While the scores are not there yet: what is waited for, and the way back. */

import { h } from "./dom.js";

/** @param {() => void} back */
export function analyzingView(back) {
  const said = h("p.lead", { role: "status" });
  const bars = h("div.bars", { "aria-hidden": "true" }, ...[1, 2, 3, 4, 5].map(() => h("i")));
  const element = h(
    "section.stage.analyzing",
    {},
    bars,
    h("h1", { tabindex: -1 }, "Analyzing…"),
    said,
    h("button.quiet", { type: "button", onclick: back }, "Back to the questions"),
  );
  const tell = (/** @type {string} */ words) => {
    if (said.textContent !== words) said.textContent = words;
  };
  return { element, tell };
}

/**
 * Waits until nothing of the session is on its way any more; answers with what the server refused.
 * @param {import("../recorder.js").Recorder} recorder
 * @param {string} session
 * @param {(said: string) => void} tell
 * @param {AbortSignal} signal gives up
 * @returns {Promise<import("../recorder.js").Recording[]>}
 */
export async function allSent(recorder, session, tell, signal) {
  while (!signal.aborted) {
    const news = happened(recorder, signal);
    const mine = (await recorder.recordings()).filter((one) => one.session === session);
    const waiting = mine.filter((one) => one.state === "kept");
    if (!waiting.length) return mine.filter((one) => one.state === "refused");
    const [first] = waiting.filter((one) => one.problem);
    tell(`${counted(waiting.length)} on the way to the server.${first ? ` ${first.problem?.detail} It is tried again by itself.` : ""}`);
    await news;
  }
  return [];
}

/**
 * @param {EventTarget} recorder
 * @param {AbortSignal} signal
 */
function happened(recorder, signal) {
  return new Promise((resolve) => {
    recorder.addEventListener("recording", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve, { once: true });
  });
}

/** @param {number} number */
const counted = (number) => (number === 1 ? "1 recording is" : `${number} recordings are`);
