/**
 * Recordings in IndexedDB: a record for each, and its chunks as they came. What is written here is there after a reload.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {Pick<Recording, "upload" | "storedBytes" | "storedSeconds" | "whole">} Way
 * @typedef {Omit<Recording, keyof Way>} Made
 * @typedef {import("./pieces.js").Piece} Piece
 * @typedef {{ at: number, seconds: number, data: ArrayBuffer }} Sound a chunk: its place in the recording, and the seconds at its end
 * @typedef {{ recording: string, number: number, seconds: number, data: ArrayBuffer }} Chunk its number is its place
 * @typedef {(found: Recording) => Recording | undefined} Change
 */

const RECORDINGS = "recordings";
const CHUNKS = "chunks";
/** Some browsers never open it, and say nothing. */
const LONGEST_OPENING = 10_000;
/** Others open, and then answer nothing: in WebKit a page that sleeps in the background may hold all of it for half an hour. */
const LONGEST_STEP = 10_000;
/** What seemed late because the machine slept is there soon. */
const AWAKENING = 1000;
/** For so long what said nothing is not asked again. */
const REST = 30_000;
const BOTH = [RECORDINGS, CHUNKS];
const CHUNKS_AT_ONCE = 600;
/** What is said by a connection that is no more: WebKit cuts those of pages that were not seen for a while. */
const CUT = ["InvalidStateError", "UnknownError", "AbortError"];

export class IndexedStore {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;
  #restsUntil = 0;
  #name;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /**
   * Write a chunk, and the record as it is with it, in one step; what others have noted in the record stays.
   * @param {Made} record
   * @param {Sound} sound
   * @param {Way} way how far it is on its way, where nothing is noted of that
   */
  async append(record, { at, seconds, data }, way) {
    await this.#write((tx) => {
      tx.objectStore(CHUNKS).put({ recording: record.id, number: at, seconds, data });
      const records = tx.objectStore(RECORDINGS);
      const asked = records.get(record.id);
      asked.onsuccess = () => records.put({ ...way, ...asked.result, ...record });
    });
  }

  /**
   * Change a record that is there, in one step; nothing where the change is none. Of what was accepted no sound is left.
   * @param {string} id
   * @param {Change} change
   */
  async update(id, change) {
    /** @type {Recording | undefined} */
    let record;
    await this.#write((tx) => {
      const records = tx.objectStore(RECORDINGS);
      const asked = records.get(id);
      asked.onsuccess = () => {
        record = asked.result && change(asked.result);
        if (record) records.put(record);
        if (record?.state === "accepted") tx.objectStore(CHUNKS).delete(everyChunkOf(id));
      };
    });
    return record;
  }

  /**
   * @param {string} id
   * @returns {Promise<Recording | undefined>}
   */
  async get(id) {
    return this.#read((tx) => tx.objectStore(RECORDINGS).get(id));
  }

  /** @returns {Promise<Recording[]>} */
  async all() {
    return this.#read((tx) => tx.objectStore(RECORDINGS).getAll());
  }

  /**
   * The whole recording.
   * @param {string} id
   * @param {string} type
   */
  async data(id, type) {
    /** @type {Chunk[]} */
    const chunks = await this.#read((tx) => tx.objectStore(CHUNKS).getAll(everyChunkOf(id)));
    return new Blob(chunks.map((chunk) => chunk.data), { type });
  }

  /**
   * What lies behind so many bytes, `most` bytes of it at most.
   * @param {string} id
   * @param {number} from
   * @param {number} most
   * @returns {Promise<Piece>}
   */
  async since(id, from, most) {
    const before = IDBKeyRange.bound([id, 0], [id, from]);
    /** @type {any} */
    const first = await this.#read((tx) => tx.objectStore(CHUNKS).openKeyCursor(before, "prev"));
    const range = IDBKeyRange.bound(first?.key ?? [id, from], [id, Number.MAX_SAFE_INTEGER]);
    /** @type {Chunk[]} */
    const chunks = await this.#read((tx) => tx.objectStore(CHUNKS).getAll(range, CHUNKS_AT_ONCE));
    return pieceOf(chunks.map(({ number, seconds, data }) => ({ at: number, seconds, data })), from, most);
  }

  /**
   * Asked for in any case: what says nothing now does it once it can.
   * @param {string} id
   */
  async remove(id) {
    const forget = (/** @type {IDBTransaction} */ tx) => {
      tx.objectStore(RECORDINGS).delete(id);
      tx.objectStore(CHUNKS).delete(everyChunkOf(id));
    };
    await this.#write(forget, true);
  }

  async close() {
    const opening = this.#opening;
    this.#opening = null;
    (await opening?.catch(() => null))?.close();
  }

  /**
   * @param {(tx: IDBTransaction) => void} act
   * @param {boolean} [inAnyCase]
   */
  #write(act, inAnyCase = false) {
    return this.#on((database) => {
      return new Promise((resolve, reject) => {
        const tx = database.transaction(BOTH, "readwrite", { durability: "strict" });
        tx.oncomplete = () => resolve(undefined);
        tx.onabort = () => reject(tx.error ?? new DOMException("The write was given up.", "AbortError"));
        act(tx);
      });
    }, inAnyCase);
  }

  /**
   * @template T
   * @param {(tx: IDBTransaction) => IDBRequest<T>} ask
   * @returns {Promise<T>}
   */
  #read(ask) {
    return this.#on((database) => {
      return new Promise((resolve, reject) => {
        const request = ask(database.transaction(BOTH));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    });
  }

  /**
   * What a connection does not do that the browser has cut is done on a new one.
   * @template T
   * @param {(database: IDBDatabase) => Promise<T>} act
   * @param {boolean} [inAnyCase] also where it has said nothing just now
   * @returns {Promise<T>}
   */
  async #on(act, inAnyCase = false) {
    if (performance.now() < this.#restsUntil && !inAnyCase) throw silent();
    const opening = this.#open();
    try {
      return await this.#inTime(act(await opening));
    } catch (trouble) {
      if (!CUT.includes(/** @type {DOMException} */ (trouble).name)) throw trouble;
      if (this.#opening === opening) await this.close();
      return this.#inTime(act(await this.#open()));
    }
  }

  /**
   * @template T
   * @param {Promise<T>} asked
   * @returns {Promise<T>}
   */
  async #inTime(asked) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @type {Promise<never>} */
    const late = new Promise((_, reject) => {
      const giveUp = () => {
        this.#restsUntil = performance.now() + REST;
        reject(silent());
      };
      timer = setTimeout(() => (timer = setTimeout(giveUp, AWAKENING)), LONGEST_STEP);
    });
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }

  #open() {
    this.#opening ??= open(this.#name, () => (this.#opening = null)).catch((trouble) => {
      this.#opening = null;
      throw trouble;
    });
    return this.#opening;
  }
}

/**
 * @param {string} name
 * @param {() => void} whenGone
 * @returns {Promise<IDBDatabase>}
 */
function open(name, whenGone) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDINGS, { keyPath: "id" });
      request.result.createObjectStore(CHUNKS, { keyPath: ["recording", "number"] });
    };
    request.onerror = () => reject(request.error);
    setTimeout(() => reject(silent()), LONGEST_OPENING);
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = whenGone;
      database.onversionchange = () => {
        database.close();
        whenGone();
      };
      resolve(database);
    };
  });
}

const silent = () => new DOMException("The browser's storage says nothing.", "TimeoutError");

/** @param {string} id */
function everyChunkOf(id) {
  return IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER]);
}

/**
 * So many of the bytes of these chunks from there on. A gap is where site data was deleted: nothing is sent across it.
 * @param {Sound[]} chunks in their order
 * @param {number} from
 * @param {number} most
 * @returns {Piece}
 */
export function pieceOf(chunks, from, most) {
  const parts = [];
  let [end, over] = [from, 0];
  for (const { at, seconds, data } of chunks) {
    const [start, stop] = [end - at, Math.min(data.byteLength, from + most - at)];
    if (start >= data.byteLength) continue;
    if (start < 0 || stop <= start) break;
    parts.push(data.slice(start, stop));
    end = at + stop;
    if (stop === data.byteLength) over = seconds;
  }
  return { data: new Blob(parts), end, seconds: over };
}
