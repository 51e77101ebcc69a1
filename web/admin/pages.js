/** A list that comes page by page: what is shown of it stays fresh, and the rest follows when it is asked for. */

import { complain } from "../demo/dom.js";
import { get } from "./api.js";
import { at, refill } from "./parts.js";
import { grouped, times } from "./words.js";

const FIRST = 20;
const MORE = 50;
const MOST_FRESH = 200;

/**
 * @typedef {{
 *   path: string, name: string, place: string, one: string, many?: string, empty: string,
 *   item: (entry: any) => Element, asked?: () => Record<string, string | undefined>,
 * }} Of
 */

export class Pages {
  /** @type {any[]} */
  #entries = [];
  /** @type {string | null} */
  #next = null;
  /** @type {{ number: number, is_exact: boolean } | null} */
  #total = null;
  #number = 0;

  /** @param {Of} of the ids of its parts are the place's, with `-more` and `-count` */
  constructor(of) {
    this.of = of;
    at(`${of.place}-more`).addEventListener("click", () => this.#more().catch(complain));
  }

  /** Ask anew for what is shown, up to a bound; what lies beyond it is asked for again when it is wanted. */
  async look() {
    const number = ++this.#number;
    const limit = Math.min(MOST_FRESH, Math.max(FIRST, this.#entries.length));
    const page = await this.#ask({ limit });
    if (number !== this.#number) return;
    const fresh = page[this.of.name];
    if (this.#entries.length <= MOST_FRESH) this.#entries = [];
    this.#entries = this.#joined(fresh, this.#entries.slice(MOST_FRESH));
    if (this.#entries.length === fresh.length) this.#next = page.next;
    this.#total = page.total ?? null;
    this.#draw();
  }

  /** Begin again with the first page. */
  async begin() {
    this.forget();
    await this.look();
  }

  forget() {
    this.#number += 1;
    this.#entries = [];
    this.#next = this.#total = null;
  }

  get shown() {
    return this.#entries.length;
  }

  async #more() {
    const number = ++this.#number;
    const page = await this.#ask({ limit: MORE, before: this.#next });
    if (number !== this.#number) return;
    const first = this.#entries.length;
    this.#entries = this.#joined(this.#entries, page[this.of.name]);
    this.#next = page.next;
    this.#draw();
    const added = /** @type {HTMLElement | undefined} */ (at(this.of.place).children[first]);
    if (at(`${this.of.place}-more`).hidden) /** @type {HTMLElement | null} */ (added?.querySelector("[data-key]"))?.focus();
  }

  /** @param {Record<string, string | number | null>} asked */
  #ask(asked) {
    return get(this.of.path, { ...this.of.asked?.(), ...asked });
  }

  #draw() {
    const { place, empty, item, one, many } = this.of;
    refill(at(place), this.#entries.map(item), empty);
    at(`${place}-more`).hidden = !this.#next;
    at(`${place}-count`).textContent = this.#entries.length || this.#next ? this.#counted(one, many) : "";
  }

  /**
   * @param {string} one
   * @param {string} [many]
   */
  #counted(one, many) {
    const shown = this.#entries.length;
    if (this.#total?.is_exact && this.#total.number > shown) return `${grouped(shown)} of ${times(this.#total.number, one, many)}`;
    if (!this.#next) return times(shown, one, many);
    return this.#total ? `${grouped(shown)} of over ${times(this.#total.number, one, many)}` : `${times(shown, one, many)}; more follow`;
  }

  /**
   * Newer ones push others on; none of those is shown twice.
   * @param {any[]} first
   * @param {any[]} then
   */
  #joined(first, then) {
    const key = (/** @type {any} */ entry) => entry.id ?? entry.file_id ?? entry.session_id;
    const known = new Set(first.map(key));
    return [...first, ...then.filter((entry) => !known.has(key(entry)))];
  }
}
