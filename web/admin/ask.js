/** Asks before something is done. */

import { at } from "./parts.js";

/**
 * What the operator says: a reason where one is asked for, else an empty text; null if they think better of it.
 * @param {{ title: string, text: string, yes: string, wantsReason?: boolean, which?: Element[] }} question `which` says on what it is done
 * @returns {Promise<string | null>}
 */
export function ask({ title, text, yes, wantsReason = false, which = [] }) {
  const dialog = at("ask");
  const reason = at("reason");
  at("ask-title").textContent = title;
  at("ask-text").textContent = text;
  at("ask-which").replaceChildren(...which);
  at("ask-why").hidden = !wantsReason;
  reason.required = wantsReason;
  reason.value = "";
  const button = at("ask-yes");
  button.textContent = yes;
  button.className = wantsReason ? "danger" : "primary";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue === "yes" ? reason.value.trim() : null);
    dialog.addEventListener("close", answer, { once: true });
  });
}
