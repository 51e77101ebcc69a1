/** Pieces of the page that several of its rooms use. */

import { h } from "../demo/dom.js";

const KINDS = { completed: "good", done: "good", failed: "bad", refused: "bad", broke_off: "bad", processing: "busy", queued: "busy" };

/** @param {string} text a state, or an outcome */
export function pill(text) {
  const kind = KINDS[/** @type {keyof typeof KINDS} */ (text)] ?? "none";
  return h(`span.pill.${kind}`, {}, text.replaceAll("_", " "));
}

/**
 * One entry of a list.
 * @param {(Node | string | null)[]} what
 * @param {string} about
 * @param {Node[]} [acts]
 */
export function item(what, about, acts = []) {
  return h("li", {}, h("div.what", {}, ...what), h("div.about", {}, about), acts.length > 0 && h("div.acts", {}, ...acts));
}

/**
 * A button whose place in the page is found again after its list was made anew.
 * @param {string} key
 * @param {string} label
 * @param {() => void} act
 * @param {string} [name] what a screen reader says, where the label alone would not do
 */
export function act(key, label, act, name) {
  return h("button.quiet.small", { type: "button", "data-key": key, "aria-label": name, onclick: act }, label);
}

/**
 * @param {string} key
 * @param {string} text
 * @param {() => void} act
 */
export const link = (key, text, act) => h("button.link", { type: "button", "data-key": key, onclick: act }, text);

/**
 * Show these children, unless they look like those that are shown: what nobody changed keeps its place under the pointer.
 * @param {Element} place
 * @param {Element[]} children
 */
export function swap(place, children) {
  if (children.map((child) => child.outerHTML).join("") !== place.innerHTML) place.replaceChildren(...children);
}

/**
 * The same for a list; the focus stays on what has the same key.
 * @param {Element} place
 * @param {Element[]} children
 * @param {string} empty what to say where there are none
 */
export function refill(place, children, empty) {
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
  swap(place, children.length ? children : [h("li.empty", {}, empty)]);
  if (focused && !place.contains(document.activeElement)) /** @type {HTMLElement | null} */ (place.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
}

/** @param {string} id */
export const at = (id) => /** @type {any} */ (document.getElementById(id));
