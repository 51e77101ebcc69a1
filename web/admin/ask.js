/** Asks before something is done. */

import { checked, isBlank } from "../demo/dom.js";
import { at } from "./parts.js";

checked(at("reason"), (text) => (isBlank(text) ? "Say why, in words." : ""));

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
  reason.setCustomValidity("");
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
