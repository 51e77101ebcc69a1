/** A question that is answered before anything goes on. */

import { h } from "./dom.js";

/**
 * The value of the choice that was taken; null where the dialog was closed without one. The last choice is the safe one, and has the focus.
 * @template T
 * @param {string} title
 * @param {(string | Node)[]} said
 * @param {[string, T][]} choices what stands on each button, and what it means
 * @returns {Promise<T | null>}
 */
export function ask(title, said, choices) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  /** @type {T | null} */
  let taken = null;
  const buttons = choices.map(([words, value], at) => {
    const isSafe = at === choices.length - 1;
    const take = () => {
      taken = value;
      dialog.close();
    };
    return h(`button.${isSafe ? "primary" : "quiet"}`, { type: "button", onclick: take, autofocus: isSafe }, words);
  });
  const dialog = h(
    "dialog.card.ask",
    { "aria-labelledby": "ask-title" },
    h("h2", { id: "ask-title" }, title),
    ...said.map((one) => (typeof one === "string" ? h("p", {}, one) : one)),
    h("div.row", {}, ...buttons),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus();
      resolve(taken);
    });
  });
}
