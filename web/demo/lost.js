/** What is shown where the API itself says that an interview is not there, or not this guest's. */

import { h } from "./dom.js";

const WORDS = /** @type {Record<string, [string, string]>} */ ({
  guest_lost: [
    "This browser has no key to the interview any more.",
    "The key of its guest has run out or was deleted. What was sent is with the server; what was not is still in this browser, and listed below. A new interview is begun as another guest.",
  ],
  session_erased: [
    "This interview was erased.",
    "The server keeps nothing of it, and takes nothing more for it. Recordings that were not sent are still in this browser, and listed below.",
  ],
  session_not_found: [
    "The server does not know this interview any more.",
    "It may have been deleted there. Recordings that were not sent are still in this browser, and listed below.",
  ],
});

/** Whether the interview cannot be gone on with. @param {import("../call.js").Problem} problem */
export const isLost = ({ code, isPassing }) => !isPassing && Object.hasOwn(WORDS, code);

/**
 * @param {import("../call.js").Problem} problem
 * @param {() => void} again
 * @param {() => void} anew
 */
export function lostView({ code }, again, anew) {
  const [title, said] = WORDS[code];
  return h(
    "section.card.stage",
    { "aria-labelledby": "lost" },
    h("h1", { tabindex: -1, id: "lost" }, title),
    h("p.lead", {}, said),
    h(
      "div.row",
      {},
      h("button.quiet", { type: "button", onclick: anew }, "Begin a new interview"),
      h("span.grow"),
      h("button.primary", { type: "button", onclick: again }, "Try again"),
    ),
  );
}
