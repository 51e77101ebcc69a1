/**
 * What is kept in this browser: in IndexedDB, or in memory where that takes nothing.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 */

import { MemoryStore } from "./memory.js";
import { IndexedStore } from "./store.js";

/** What is in memory outlives the recorder that left it there. @type {Map<string, MemoryStore>} */
const SPARES = new Map();
const FORGOTTEN_AFTER = 30 * 86_400_000;

export class Shelf {
  #spare;
  #store;

  /** @param {string} name */
  constructor(name) {
    this.#store = new IndexedStore(name);
    this.#spare = SPARES.get(name) ?? new MemoryStore();
    SPARES.set(name, this.#spare);
  }

  get stores() {
    return { store: this.#store, spare: this.#spare };
  }

  /** Whether everything that is not sent yet outlives the page. */
  get isDurable() {
    return !this.#spare.isNeeded;
  }

  /** Everything, the oldest first: also what was accepted lately, without its sound. */
  async all() {
    const found = await Promise.all(this.#both.map((store) => store.all().catch(() => [])));
    const each = found.flat().filter((one, at, all) => all.findIndex(({ id }) => id === one.id) === at);
    return each.sort((a, b) => a.startedAt - b.startedAt);
  }

  /** @param {Recording} recording */
  async audio({ id, type }) {
    const holder = await this.#holderOf(id);
    return (await holder?.data(id, type)) ?? new Blob([], { type });
  }

  /** @param {string} id */
  async get(id) {
    return (await this.#holderOf(id))?.get(id);
  }

  /**
   * What lies behind so many bytes of one.
   * @param {string} id
   * @param {number} from
   * @param {number} most
   */
  async since(id, from, most) {
    const holder = await this.#holderOf(id);
    return holder ? holder.since(id, from, most) : { data: new Blob(), end: from, seconds: 0 };
  }

  /**
   * Change one in a single step; undefined where it is gone, or nothing is to be changed.
   * @param {string} id
   * @param {(found: Recording) => Partial<Recording> | false} change
   */
  async update(id, change) {
    const holder = await this.#holderOf(id);
    return holder?.update(id, (found) => {
      const news = change(found);
      return news ? { ...found, ...news } : undefined;
    });
  }

  /** @param {string} id */
  async remove(id) {
    const holder = await this.#holderOf(id);
    const found = await holder?.get(id);
    await holder?.remove(id);
    return found;
  }

  /** What was accepted long ago is no longer asked for. */
  async tidy() {
    const before = Date.now() - FORGOTTEN_AFTER;
    for (const one of await this.all()) {
      if (one.state === "accepted" && one.touchedAt < before) await this.remove(one.id);
    }
  }

  close() {
    return this.#store.close();
  }

  /** What is in both of them counts in the first. */
  get #both() {
    return [this.#spare, this.#store];
  }

  /** @param {string} id */
  async #holderOf(id) {
    for (const store of this.#both) {
      if (await store.get(id).catch(() => undefined)) return store;
    }
    return null;
  }
}
