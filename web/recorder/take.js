/**
 * One recording while it is made: each chunk is written as it comes, in order, and the end makes it ready to be sent.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("./outbox.js").Store} Store
 */

export class Take {
  /** @type {ArrayBuffer[]} */
  #chunks = [];
  /** @type {Promise<void>} */
  #writing = Promise.resolve();
  #store;
  #spare;
  #onSpared;

  /**
   * @param {Recording} record
   * @param {Store} store
   * @param {Store} spare takes over once the other fails
   * @param {(trouble: unknown) => void} onSpared told then
   */
  constructor(record, store, spare, onSpared) {
    this.record = record;
    this.#store = store;
    this.#spare = spare;
    this.#onSpared = onSpared;
  }

  /** @param {Blob} chunk */
  write(chunk) {
    this.#writing = this.#writing.then(() => this.#write(chunk));
  }

  /**
   * Everything is written, and it may be sent; null if nothing was recorded.
   * @param {number} seconds
   */
  async finish(seconds) {
    await this.#writing;
    Object.assign(this.record, { seconds, state: "kept", touchedAt: Date.now() });
    if (!this.record.bytes) {
      await this.#store.remove(this.record.id).catch(() => {});
      return null;
    }
    await this.#orSpare(() => this.#store.put(this.record));
    return { ...this.record };
  }

  /** @param {Blob} chunk */
  async #write(chunk) {
    const data = await chunk.arrayBuffer();
    const number = this.#chunks.push(data) - 1;
    const seconds = (Date.now() - this.record.startedAt) / 1000;
    Object.assign(this.record, { bytes: this.record.bytes + data.byteLength, seconds, touchedAt: Date.now() });
    await this.#orSpare(() => this.#store.append(this.record, number, data));
  }

  /** @param {() => Promise<void>} write */
  async #orSpare(write) {
    try {
      await write();
    } catch (trouble) {
      if (this.#store === this.#spare) throw trouble;
      const failed = this.#store;
      this.#store = this.#spare;
      for (const [number, data] of this.#chunks.entries()) await this.#spare.append(this.record, number, data);
      await this.#spare.put(this.record);
      await failed.remove(this.record.id).catch(() => {});
      this.#onSpared(trouble);
    }
  }
}

/**
 * A recording of which nothing is there yet.
 * @param {{ api: string, owner: string }} given
 * @param {{ session: string, question: string }} answered
 * @param {string} type
 * @returns {Recording}
 */
export function described({ api, owner }, { session, question }, type) {
  const now = Date.now();
  const past = { startedAt: now, touchedAt: now, seconds: 0, bytes: 0 };
  const sending = { attempts: 0, retryAt: 0, offline: false, problem: null };
  return { id: crypto.randomUUID(), api, owner, session, question, type, state: "recording", recovered: false, ...past, ...sending };
}
