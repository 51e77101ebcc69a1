/** Pieces of the page that several of its rooms use. */

import { own } from "../own.js";
import { h } from "../demo/dom.js";
import { spoken } from "./words.js";

/** @type {Record<string, string>} */
const KINDS = { completed: "good", done: "good", failed: "bad", refused: "bad", broke_off: "bad", processing: "busy", queued: "busy", recording: "live" };

/** @param {string} text a state, or an outcome */
export function pill(text) {
  const kind = own(KINDS, text) ?? "none";
  return h(`span.pill.${kind}`, {}, spoken(text));
}

/**
 * What somebody has written, in the direction of its own script.
 * @param {string} text
 */
export const said = (text) => h("bdi", { dir: "auto" }, text);

/**
 * One entry of a list.
 * @param {(Node | string | null)[]} what
 * @param {string | (Node | string)[]} about
 * @param {Node[]} [acts]
 */
export function item(what, about, acts = []) {
  const told = typeof about === "string" ? [about] : about;
  return h("li", {}, h("div.what", {}, ...what), h("div.about", {}, ...told), acts.length > 0 && h("div.acts", {}, ...acts));
}

/**
 * Facts in a row, with points between them; those that are not there are left out.
 * @param {...(Node | string | null | undefined | false)} facts
 * @returns {(Node | string)[]}
 */
export function row(...facts) {
  const there = /** @type {(Node | string)[]} */ (facts.filter(Boolean));
  return there.flatMap((fact, index) => (index ? [" · ", fact] : [fact]));
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
export const link = (key, text, act) => h("button.link", { type: "button", "data-key": key, dir: "auto", onclick: act }, text);

/**
 * Show these children, unless they look like those that are shown: what nobody changed keeps its place under the pointer.
 * @param {Element} place
 * @param {Element[]} children
 */
export function swap(place, children) {
  if (children.map((child) => child.outerHTML).join("") !== place.innerHTML) place.replaceChildren(...children);
}

/**
 * The same for a list. The focus stays on what has the same key; where that has left the list, on what took its place.
 * @param {HTMLElement} place
 * @param {Element[]} children
 * @param {string} empty what to say where there are none
 */
export function refill(place, children, empty) {
  const keyed = () => /** @type {HTMLElement[]} */ ([...place.querySelectorAll("[data-key]")]);
  const index = keyed().indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const key = keyed()[index]?.dataset.key;
  swap(place, children.length ? children : [h("li.empty", {}, empty)]);
  if (index < 0 || place.contains(document.activeElement)) return;
  const now = keyed();
  (now.find((element) => element.dataset.key === key) ?? now[Math.min(index, now.length - 1)] ?? place).focus();
}

/** @param {string} id */
export const at = (id) => /** @type {any} */ (document.getElementById(id));
