/**
 * One recording while it is made: each chunk is written as it comes, in order, and the end makes it ready to be sent.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("./store.js").IndexedStore | import("./memory.js").MemoryStore} Store
 */

export class Take {
  /** @type {import("./store.js").Sound[]} */
  #chunks = [];
  /** @type {Promise<void>} */
  #writing = Promise.resolve();
  #store;
  #spare;
  #onSpared;
  #onWritten;
  #way;

  /**
   * @param {Recording} record
   * @param {Store} store
   * @param {Store} spare takes over once the other fails
   * @param {(trouble: unknown) => void} onSpared told then
   * @param {() => void} [onWritten] told of each chunk that is kept
   */
  constructor(record, store, spare, onSpared, onWritten = () => {}) {
    const { upload, storedBytes, storedSeconds, whole, ...mine } = record;
    /** What is made here; how far it is on its way, is noted by who sends it. */
    this.record = mine;
    this.#way = { upload, storedBytes, storedSeconds, whole };
    this.#onWritten = onWritten;
    this.#store = store;
    this.#spare = spare;
    this.#onSpared = onSpared;
  }

  /**
   * @param {Blob} chunk
   * @param {number} seconds that are recorded with it
   */
  write(chunk, seconds) {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write(chunk, seconds)); // one that cannot be read takes no other along
  }

  /**
   * Everything is written, and this is how it ends; null if nothing was recorded.
   * @param {Partial<Recording>} how
   * @param {(record: Recording) => Promise<"kept" | "held">} stateOf
   */
  async finish(how, stateOf) {
    const { record } = this;
    await this.#writing.catch((trouble) => {
      if (!record.bytes) throw trouble;
    });
    if (!record.bytes) {
      await this.#store.remove(record.id).catch(() => {});
      return null;
    }
    Object.assign(record, how, { touchedAt: Date.now() });
    record.state = await stateOf({ ...record, ...this.#way });
    /** @type {Recording | undefined} */
    let kept;
    await this.#orSpare(async () => void (kept = await this.#end()));
    return kept ?? (await this.#spare.get(record.id)) ?? null;
  }

  /**
   * @param {Blob} chunk
   * @param {number} seconds
   */
  async #write(chunk, seconds) {
    const data = await chunk.arrayBuffer();
    const sound = { at: this.record.bytes, seconds, data };
    this.#chunks.push(sound);
    const bytes = sound.at + data.byteLength;
    Object.assign(this.record, { bytes, seconds, touchedAt: Date.now(), durable: this.#store !== this.#spare });
    await this.#orSpare(() => this.#store.append(this.record, sound, this.#way));
    this.#onWritten();
  }

  async #end() {
    const { id, type, bytes } = this.record;
    const { size } = await this.#store.data(id, type);
    if (size !== bytes) throw new Error("Something of it was deleted meanwhile.");
    return this.#store.update(id, (found) => ({ ...found, ...this.record }));
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
      const way = { ...this.#way, ...(await failed.get(this.record.id).catch(() => undefined)) };
      for (const sound of this.#chunks) await this.#spare.append(this.record, sound, way);
      failed.remove(this.record.id).catch(() => {}); // not waited for: it may say nothing
      this.#onSpared(trouble);
    }
  }
}

/**
 * A recording of which nothing is there yet.
 * @param {{ api: string, owner: string }} given
 * @param {import("../recorder.js").Answered} answered
 * @param {string} type
 * @param {boolean} whole whether it is sent in one request
 * @returns {Recording}
 */
export function described({ api, owner }, { session, question, replaces = false }, type, whole) {
  const now = Date.now();
  const past = { startedAt: now, touchedAt: now, seconds: 0, bytes: 0, end: null, recovered: false, durable: false };
  const sending = { attempts: 0, retryAt: 0, offline: false, problem: null };
  const way = { upload: null, storedBytes: 0, storedSeconds: 0, whole };
  return { id: crypto.randomUUID(), api, owner, session, question, replaces, type, state: "recording", ...past, ...sending, ...way };
}
