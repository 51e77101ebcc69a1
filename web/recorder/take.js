/**
 * One recording while it is made: each chunk is written as it comes, in order, and the end makes it ready to be sent.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("./store.js").IndexedStore | import("./memory.js").MemoryStore} Store
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

  /**
   * @param {Blob} chunk
   * @param {number} seconds that are recorded with it
   */
  write(chunk, seconds) {
    this.#writing = this.#writing.then(() => this.#write(chunk, seconds));
  }

  /**
   * Everything is written, and this is how it ends; null if nothing was recorded.
   * @param {Partial<Recording>} how
   * @param {(record: Recording) => Promise<"kept" | "held">} stateOf
   */
  async finish(how, stateOf) {
    await this.#writing;
    const { record } = this;
    if (!record.bytes) {
      await this.#store.remove(record.id).catch(() => {});
      return null;
    }
    Object.assign(record, how, { touchedAt: Date.now() });
    record.state = await stateOf(record);
    await this.#orSpare(() => this.#end());
    return { ...record };
  }

  /**
   * @param {Blob} chunk
   * @param {number} seconds
   */
  async #write(chunk, seconds) {
    const data = await chunk.arrayBuffer();
    const number = this.#chunks.push(data) - 1;
    const bytes = this.record.bytes + data.byteLength;
    Object.assign(this.record, { bytes, seconds, touchedAt: Date.now(), durable: this.#store !== this.#spare });
    await this.#orSpare(() => this.#store.append(this.record, number, data));
  }

  async #end() {
    const { id, type, bytes } = this.record;
    const { size } = await this.#store.data(id, type);
    if (size !== bytes) throw new Error("Something of it was deleted meanwhile.");
    await this.#store.update(id, () => ({ ...this.record }));
  }

  /** @param {() => Promise<void>} write */
  async #orSpare(write) {
    try {
      await write();
    } catch (trouble) {
      if (this.#store === this.#spare) throw trouble;
      const failed = this.#store;
      this.#store = this.#spare;
      this.record.durable = false;
      for (const [number, data] of this.#chunks.entries()) await this.#spare.append(this.record, number, data);
      await failed.remove(this.record.id).catch(() => {});
      this.#onSpared(trouble);
    }
  }
}

/**
 * A recording of which nothing is there yet.
 * @param {{ api: string, owner: string }} given
 * @param {import("../recorder.js").Answered} answered
 * @param {string} type
 * @returns {Recording}
 */
export function described({ api, owner }, { session, question, replaces = false }, type) {
  const now = Date.now();
  const past = { startedAt: now, touchedAt: now, seconds: 0, bytes: 0, end: null, recovered: false, durable: false };
  const sending = { attempts: 0, retryAt: 0, offline: false, problem: null };
  return { id: crypto.randomUUID(), api, owner, session, question, replaces, type, state: "recording", ...past, ...sending };
}
