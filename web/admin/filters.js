/** What a list is narrowed to, as its form says. */

import { h } from "../demo/dom.js";
import { at, swap } from "./parts.js";
import { spoken, zone } from "./words.js";

/**
 * What a form asks for, by the names of its fields; what is empty is not asked for.
 * @param {string} id
 * @returns {Record<string, string | undefined>}
 */
export function asked(id) {
  /** @type {Record<string, string | undefined>} */
  const found = {};
  for (const field of at(id).elements) if (field.name) found[field.name] = valueOf(field) || undefined;
  return found;
}

/** @param {any} field */
function valueOf(field) {
  if (field.type === "checkbox") return field.checked ? "true" : "";
  if (field.type === "datetime-local") return field.value && new Date(field.value).toISOString();
  return field.value.trim();
}

/**
 * Call when the form is sent, and when it is emptied.
 * @param {string} id
 * @param {() => Promise<void>} look
 */
export function listen(id, look) {
  at(id).addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    look();
  });
  at(id).addEventListener("reset", () => setTimeout(look));
  for (const place of at(id).querySelectorAll(".zone")) place.textContent = ` (${zone()})`;
}

/**
 * Offer these reasons, and keep the one that is chosen.
 * @param {string[]} codes
 */
export function offerReasons(codes) {
  const chosen = at("code").value;
  const all = [...new Set([...codes, chosen].filter(Boolean))].sort();
  swap(at("code"), [h("option", { value: "" }, "any reason"), ...all.map((code) => h("option", { value: code }, spoken(code)))]);
  at("code").value = chosen;
}
