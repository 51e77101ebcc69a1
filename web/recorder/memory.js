/**
 * The same as the store in IndexedDB, for as long as the page lives: where a browser has none or lets nothing in.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 */

import { pieceOf } from "./store.js";

export class MemoryStore {
  /** @type {Map<string, { record: Recording, chunks: import("./store.js").Sound[] }>} */
  #kept = new Map();

  /**
   * @param {import("./store.js").Made} record
   * @param {import("./store.js").Sound} sound
   * @param {import("./store.js").Way} way
   */
  async append(record, sound, way) {
    const found = this.#kept.get(record.id);
    const chunks = found?.chunks ?? [];
    chunks.push(sound);
    this.#kept.set(record.id, { record: { ...way, ...found?.record, ...record }, chunks });
  }

  /**
   * @param {string} id
   * @param {import("./store.js").Change} change
   */
  async update(id, change) {
    const found = this.#kept.get(id);
    const record = found && change({ ...found.record });
    if (record) this.#kept.set(id, { record, chunks: record.state === "accepted" ? [] : found.chunks });
    return record && { ...record };
  }

  /** Whether something is lost with the page. */
  get isNeeded() {
    return [...this.#kept.values()].some(({ record }) => record.state !== "accepted");
  }

  /** @param {string} id */
  async get(id) {
    const found = this.#kept.get(id);
    return found && { ...found.record };
  }

  async all() {
    return [...this.#kept.values()].map(({ record }) => ({ ...record }));
  }

  /**
   * @param {string} id
   * @param {string} type
   */
  async data(id, type) {
    return new Blob((this.#kept.get(id)?.chunks ?? []).map((chunk) => chunk.data), { type });
  }

  /**
   * @param {string} id
   * @param {number} from
   * @param {number} most
   */
  async since(id, from, most) {
    return pieceOf(this.#kept.get(id)?.chunks ?? [], from, most);
  }

  /** @param {string} id */
  async remove(id) {
    this.#kept.delete(id);
  }
}
