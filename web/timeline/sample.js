/** A call that may be listened to, fetched once somebody wants to. */

import { h } from "../demo/dom.js";
import { Timeline } from "./timeline.js";

const HINT = "What the server makes of a call whose sides are recorded apart: who spoke when, how long an answer was waited for, and each word at its time.";
const FAILED = "The sample could not be loaded. Close this and open it again.";

/** @param {HTMLDetailsElement} place */
export function sampleCall(place) {
  const shown = h("div");
  place.replaceChildren(h("summary", {}, "A call with two sides"), h("p.hint", {}, HINT), shown);
  place.addEventListener("toggle", () => {
    if (!place.open || shown.firstElementChild?.matches(".timeline")) return;
    load().then(
      (timeline) => shown.replaceChildren(timeline.element),
      () => shown.replaceChildren(h("p", { role: "alert" }, FAILED)),
    );
  });
}

async function load() {
  const answer = await fetch(new URL("sample.json", import.meta.url), { signal: AbortSignal.timeout(20_000) });
  if (!answer.ok) throw new Error(FAILED);
  const conversation = await answer.json();
  return new Timeline(conversation, conversation.left.duration_seconds, new URL("sample.webm", import.meta.url).href);
}
