/**
 * Records answers in a browser and hands them to Viva Voce, so that nobody waits and nothing is lost.
 *
 *     import { Recorder } from "/web/recorder.js";
 *     const recorder = new Recorder({ token: async () => "…" });
 *     await recorder.start({ session, question });
 *     await recorder.stop();      // kept; it is sent in the background, also after a reload
 *
 * docs/recorder.md tells the rest, recorder.d.ts the types.
 *
 * @typedef {import("./recorder.d.ts").Recording} Recording
 * @typedef {import("./recorder.d.ts").RecordingEvent} RecordingEvent
 * @typedef {import("./recorder.d.ts").RecorderOptions} RecorderOptions
 * @typedef {import("./recorder.d.ts").RecorderState} RecorderState
 * @typedef {import("./recorder.d.ts").Problem} Problem
 * @typedef {import("./recorder.d.ts").TokenSource} TokenSource
 * @typedef {import("./recorder.d.ts").Answered} Answered
 */

import { listenForQuiet, Meter } from "./recorder/level.js";
import { hold } from "./recorder/locks.js";
import { MemoryStore } from "./recorder/memory.js";
import { capture, chooseType, closeMicrophone, isSupported, openMicrophone, RecorderError } from "./recorder/microphone.js";
import { lockOf, Outbox } from "./recorder/outbox.js";
import { IndexedStore } from "./recorder/store.js";
import { described, Take } from "./recorder/take.js";

export { chooseType, isSupported, RecorderError };

const TICK = 250;

const DEFAULTS = {
  api: "",
  owner: "",
  name: "viva-voce",
  maxDuration: 120,
  bitsPerSecond: 64_000,
  timeslice: 1000,
  stallSeconds: 30,
  keepMicrophone: false,
};

export class Recorder extends EventTarget {
  /** @type {RecorderState} */
  #state = "idle";
  #given;
  #store;
  #spare = new MemoryStore();
  #outbox;
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {{ stop: () => void, ended: Promise<Recording | null> } | null} */
  #current = null;
  #startedAt = 0;
  #asked = 0;
  #isDurable = true;
  #isClosed = false;

  /** @param {RecorderOptions} options */
  constructor(options) {
    super();
    if (typeof document === "undefined") throw new RecorderError("unsupported", "A recorder is made in a browser's page.");
    this.#given = { ...DEFAULTS, ...options };
    this.#store = new IndexedStore(this.#given.name);
    this.#outbox = new Outbox([this.#spare, this.#store], this.#given, (event) => this.#emit("recording", event));
    this.#outbox.start().catch((trouble) => this.#warn("storage_failed", trouble));
  }

  /** @returns {RecorderState} */
  get state() {
    return this.#state;
  }

  /** Whether what is recorded outlives the page. */
  get isDurable() {
    return this.#isDurable;
  }

  /** Seconds of the recording that is being made. */
  get elapsed() {
    return this.#state === "recording" ? (performance.now() - this.#startedAt) / 1000 : 0;
  }

  /**
   * Ask for the microphone and record.
   * @param {Answered} answered
   */
  async start({ session, question }) {
    if (this.#isClosed) throw new RecorderError("closed", "This recorder is closed.");
    if (this.#state === "saving") await this.#current?.ended;
    if (this.#state !== "idle") throw new RecorderError("busy", "A recording is being made already.");
    this.#become("asking");
    const asked = ++this.#asked;
    try {
      const stream = this.#stream ?? (await openMicrophone(this.#given.microphone));
      if (asked !== this.#asked) return closeMicrophone(stream);
      this.#stream = stream;
      await this.#record(stream, described(this.#given, { session, question }, chooseType(this.#given.types)));
    } catch (trouble) {
      if (asked !== this.#asked) return;
      this.#release();
      this.#become("idle");
      throw trouble;
    }
  }

  /** End the recording; it is kept once this is answered, and sent in the background. */
  async stop() {
    if (this.#state === "asking") {
      this.#asked += 1; // whatever the browser's question is answered
      this.#release();
      this.#become("idle");
    }
    if (this.#state === "recording") this.#become("saving");
    this.#current?.stop();
    return (await this.#current?.ended) ?? null;
  }

  /**
   * Hand in a file in place of a recording.
   * @param {Answered & { file: Blob }} given
   */
  async addFile({ session, question, file }) {
    const record = described(this.#given, { session, question }, file.type || "application/octet-stream");
    const release = await hold(lockOf(record.id));
    try {
      const take = this.#takeOf(record);
      take.write(file);
      const kept = await take.finish(0);
      if (!kept) throw new RecorderError("file_empty", "The file is empty.");
      this.#outbox.announce(kept);
      return kept;
    } finally {
      release();
      this.#outbox.wake();
    }
  }

  /** What is kept: not sent yet, or refused and not discarded yet. */
  async recordings() {
    return (await this.#outbox.all()).filter((one) => one.state !== "recording");
  }

  /**
   * Answers once nothing of the session (or nothing at all) waits to be sent, with what the server refused.
   * @param {string} [session]
   * @returns {Promise<Recording[]>}
   */
  async whenSent(session) {
    for (;;) {
      const next = new Promise((resolve) => this.addEventListener("recording", resolve, { once: true }));
      const mine = (await this.recordings()).filter((one) => session === undefined || one.session === session);
      if (mine.every((one) => one.state === "refused")) return mine;
      await next;
    }
  }

  /**
   * Try one or all of them now, also those that were refused.
   * @param {string} [id]
   */
  async retry(id) {
    await this.#outbox.retry(id);
  }

  /**
   * Forget one of them for ever.
   * @param {string} id
   */
  async discard(id) {
    await this.#outbox.discard(id);
  }

  /** End the recording, if there is one, let go of the microphone, and stop sending; what is kept stays kept. */
  async close() {
    this.#isClosed = true;
    await this.stop();
    this.#release();
    this.#outbox.close();
    await this.#store.close();
    this.#become("closed");
  }

  /**
   * @param {MediaStream} stream
   * @param {Recording} record
   */
  async #record(stream, record) {
    const take = this.#takeOf(record);
    /** @type {(trouble: Problem | null) => void} */
    let end = () => {};
    const stopped = new Promise((resolve) => (end = resolve));
    const stop = capture(stream, { ...this.#given, type: record.type }, {
      onStart: (type) => (record.type = type),
      onChunk: (chunk) => take.write(chunk),
      onEnd: end,
    });
    const release = await hold(lockOf(record.id)); // before the first chunk is written
    this.#startedAt = performance.now();
    this.#become("recording");
    const unwatch = this.#watch(stream, stop);
    const ended = stopped.then((trouble) => this.#end(take, trouble, unwatch)).finally(release);
    this.#current = { stop, ended };
    ended.catch((trouble) => this.#warn("recording_failed", trouble));
  }

  /**
   * @param {Take} take
   * @param {unknown} trouble
   * @param {() => void} unwatch
   */
  async #end(take, trouble, unwatch) {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    unwatch();
    this.#become("saving");
    if (!this.#given.keepMicrophone || trouble) this.#release();
    if (trouble) this.#emit("error", /** @type {Problem} */ (trouble));
    try {
      const kept = await take.finish(seconds);
      if (kept) this.#outbox.announce(kept);
      else this.#emit("error", { status: 0, code: "recording_empty", detail: "Nothing was recorded. Try again." });
      return kept;
    } finally {
      this.#current = null;
      this.#become("idle");
      this.#outbox.wake();
    }
  }

  /**
   * The time, the level, and the end that comes by itself.
   * @param {MediaStream} stream
   * @param {() => void} stop
   */
  #watch(stream, stop) {
    const { maxDuration } = this.#given;
    const tick = () => {
      const elapsed = Math.min(this.elapsed, maxDuration);
      this.#emit("time", { elapsed, remaining: maxDuration - elapsed });
    };
    const ticking = setInterval(tick, TICK);
    const alarm = setTimeout(stop, Math.min(maxDuration * 1000, 2 ** 31 - 1));
    const meter = this.#meter(stream);
    tick();
    return () => {
      clearInterval(ticking);
      clearTimeout(alarm);
      meter?.close();
    };
  }

  /** @param {MediaStream} stream */
  #meter(stream) {
    try {
      const onQuiet = (/** @type {boolean} */ quiet) => this.#emit("quiet", { quiet });
      const quietness = listenForQuiet(onQuiet);
      const onLevel = (/** @type {number} */ level) => {
        quietness(level);
        this.#emit("level", { level });
      };
      return new Meter(stream, { canvas: this.#given.canvas, onLevel });
    } catch (trouble) {
      this.#warn("level_failed", trouble); // it is recorded all the same
      return null;
    }
  }

  /** @param {Recording} record */
  #takeOf(record) {
    return new Take(record, this.#store, this.#spare, (trouble) => {
      this.#isDurable = false;
      this.#warn("storage_failed", trouble);
    });
  }

  #release() {
    if (this.#stream) closeMicrophone(this.#stream);
    this.#stream = null;
  }

  /** @param {RecorderState} state */
  #become(state) {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#emit("state", { state });
  }

  /**
   * @param {string} code
   * @param {unknown} trouble
   */
  #warn(code, trouble) {
    this.#emit("error", { status: 0, code, detail: trouble instanceof Error ? trouble.message : String(trouble) });
  }

  /**
   * An event, and the callback of the same name; a callback that throws stops nothing here.
   * @param {"state" | "time" | "level" | "quiet" | "recording" | "error"} type
   * @param {object} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
    const name = /** @type {"onState"} */ (`on${type[0].toUpperCase()}${type.slice(1)}`);
    try {
      this.#given[name]?.(/** @type {any} */ (detail));
    } catch (trouble) {
      reportError(trouble);
    }
  }
}
