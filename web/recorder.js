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
 * @typedef {import("./recorder.d.ts").EndReason} EndReason
 * @typedef {import("./recorder.d.ts").Device} Device
 * @typedef {import("./recorder.d.ts").Problem} Problem
 * @typedef {import("./recorder.d.ts").TokenSource} TokenSource
 * @typedef {import("./recorder.d.ts").Answered} Answered
 * @typedef {import("./recorder.d.ts").Stored} Stored
 */

import { lockOfAnswer, stateOf } from "./recorder/earlier.js";
import { leavingGuard } from "./recorder/leaving.js";
import { QUIET_LEVEL } from "./recorder/level.js";
import { hold } from "./recorder/locks.js";
import {
  chooseType,
  closeMicrophone,
  isLive,
  isSupported,
  microphoneOf,
  microphones,
  openMicrophone,
  whyUnsupported,
} from "./recorder/microphone.js";
import { lockOf, Outbox } from "./recorder/outbox.js";
import { Run } from "./recorder/run.js";
import { Shelf } from "./recorder/shelf.js";
import { described, Take } from "./recorder/take.js";
import { problem, RecorderError } from "./recorder/words.js";

export { chooseType, isSupported, RecorderError, whyUnsupported };

const NO_PAGE = "A recorder is made in a browser's page.";

const DEFAULTS = {
  api: "",
  owner: "",
  name: "viva-voce",
  maxDuration: 120,
  limitWarnings: [60, 20],
  maxExtensions: 0,
  extendSeconds: 60,
  bitsPerSecond: 64_000,
  stallSeconds: 30,
  keepMicrophone: false,
  warnBeforeLeaving: true,
  sendWhileRecording: true,
};

export class Recorder extends EventTarget {
  /** @type {RecorderState} */
  #state = "idle";
  #given;
  #shelf;
  #outbox;
  #guard = leavingGuard(() => this.#state === "recording" || this.#state === "saving" || !this.isDurable);
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {Run | null} */
  #run = null;
  /** @type {Promise<Recording | null> | null} */
  #ending = null;
  #asked = 0;
  #isClosed = false;

  /** @param {RecorderOptions} options */
  constructor(options) {
    super();
    if (typeof document === "undefined") throw new RecorderError("unsupported", NO_PAGE);
    this.#given = { ...DEFAULTS, ...options };
    this.#shelf = new Shelf(this.#given.name);
    const stored = (/** @type {Recording} */ one) => this.#emit("stored", meterOf(one));
    this.#outbox = new Outbox(this.#shelf, this.#given, (event) => this.#emit("recording", event), stored);
    this.#outbox.start().catch(() => this.#warn("storage_failed"));
    this.#shelf.tidy().catch(() => {});
    navigator.mediaDevices?.addEventListener("devicechange", this.#lookForDevices);
  }

  /** @returns {RecorderState} */
  get state() {
    return this.#state;
  }

  /** Whether everything that is not sent yet outlives the page. */
  get isDurable() {
    return this.#shelf.isDurable;
  }

  /** Seconds that are recorded. */
  get elapsed() {
    return this.#run?.seconds ?? 0;
  }

  /** The microphone that is open, or was last. @type {Device | null} */
  device = null;

  /** The microphones of this device; before the first permission a browser may name none. */
  devices() {
    return microphones();
  }

  /**
   * Take this microphone from the next recording on.
   * @param {string | null} deviceId null for the browser's choice
   */
  choose(deviceId) {
    const { deviceId: _, ...others } = this.#given.microphone ?? {};
    this.#given.microphone = deviceId === null ? others : { ...others, deviceId: { exact: deviceId } };
    if (this.#state === "idle") this.#release();
  }

  /**
   * Ask for the microphone and record.
   * @param {Answered} answered
   */
  async start(answered) {
    const record = described(this.#given, answered, chooseType(this.#given.types), !this.#given.sendWhileRecording);
    const take = this.#takeOf(record);
    const begun = await this.#begin("recording", [lockOfAnswer(answered), lockOf(record.id)], (stream) => {
      return new Run(stream, { ...this.#given, type: record.type }, (type, detail) => this.#emit(type, detail), {
        onStart: (type) => (take.record.type = type),
        onChunk: (chunk, seconds) => take.write(chunk, seconds),
      });
    });
    if (!begun) return;
    this.#outbox.announce({ ...record, ...take.record });
    this.#outbox.stream(record);
    this.#ending = begun.run.ended.then((end) => this.#keep(take, end)).finally(begun.free);
    this.#ending.catch(() => this.#warn("recording_failed"));
  }

  /** End the recording; it is kept once this is answered, and sent in the background. */
  async stop() {
    if (this.#state === "asking") {
      this.#asked += 1; // whatever the browser's question is answered
      this.#release();
      this.#become("idle");
    }
    if (this.#state === "recording") this.#become("saving");
    this.#run?.stop("stopped");
    return (await this.#ending) ?? null;
  }

  /** Put the end of the recording off, where the options let it be; answers whether it is. */
  extend() {
    return this.#run?.extend() ?? false;
  }

  /**
   * Record a few seconds to hear how it sounds; they stay in memory, and go nowhere but to `ask`.
   * @template T
   * @param {{ seconds?: number, ask?: (sound: Blob) => Promise<T> }} [how]
   * @returns {Promise<import("./recorder.d.ts").MicrophoneTest<T> | null>} null if it was stopped before it began
   */
  async test({ seconds: maxDuration = 5, ask } = {}) {
    let type = chooseType(this.#given.types);
    let peak = /** @type {number | null} */ (null);
    /** @type {Blob[]} */
    const pieces = [];
    const told = (/** @type {any} */ name, /** @type {any} */ detail) => {
      if (name === "level") peak = Math.max(peak ?? 0, detail.level);
      this.#emit(name, detail);
    };
    const given = { ...this.#given, type, maxDuration, maxExtensions: 0, limitWarnings: [] };
    const begun = await this.#begin("testing", [], (stream) => {
      return new Run(stream, given, told, { onStart: (used) => (type = used), onChunk: (piece) => pieces.push(piece) });
    });
    if (!begun) return null;
    const { seconds, trouble } = await begun.run.ended;
    this.#over();
    if (trouble) throw new RecorderError(trouble.code);
    const sound = new Blob(pieces, { type });
    const heard = peak === null ? null : peak > QUIET_LEVEL;
    return { device: this.device, sound, seconds, peak, heard, said: (await ask?.(sound)) ?? null };
  }

  /**
   * Hand in a file in place of a recording.
   * @param {Answered & { file: Blob }} given
   */
  async addFile({ file, ...answered }) {
    if (this.#isClosed) throw new RecorderError("closed");
    const record = described(this.#given, answered, file.type || "application/octet-stream", true);
    const release = await hold(lockOf(record.id));
    try {
      const take = this.#takeOf(record);
      take.write(file, 0);
      const kept = await take.finish({ end: "file" }, async () => "kept");
      if (!kept) throw new RecorderError("file_empty");
      this.#outbox.announce(kept);
      return kept;
    } finally {
      release?.();
      this.#outbox.wake();
    }
  }

  /**
   * What is kept in this browser: not sent yet, held back, or refused; with `everyone`, whoever recorded it.
   * @param {{ everyone?: boolean }} [which]
   */
  async recordings({ everyone = false } = {}) {
    const all = await (everyone ? this.#shelf : this.#outbox).all();
    return all.filter(({ state }) => state !== "recording" && state !== "accepted");
  }

  /**
   * The sound of one of them, to be listened to.
   * @param {string} id
   */
  async audio(id) {
    const found = (await this.#shelf.all()).find((one) => one.id === id);
    return found ? this.#shelf.audio(found) : null;
  }

  /**
   * Answers once nothing of the session (or nothing at all) is on its way, with what was refused or is held back.
   * @param {string} [session]
   * @returns {Promise<Recording[]>}
   */
  async whenSent(session) {
    for (;;) {
      if (this.#state === "saving") await this.#ending?.catch(() => {});
      const next = new Promise((resolve) => this.addEventListener("recording", resolve, { once: true }));
      const mine = (await this.recordings()).filter((one) => session === undefined || one.session === session);
      if (mine.every((one) => one.state !== "kept")) return mine;
      await next;
    }
  }

  /**
   * Try one or all of them now, also those that were refused.
   * @param {string} [id]
   */
  async retry(id) {
    const isMeant = (/** @type {Recording} */ one) => one.state === "kept" || one.state === "refused";
    await this.#outbox.retry((one) => isMeant(one) && (id === undefined || one.id === id));
  }

  /**
   * Send what is held back in place of the earlier take.
   * @param {string} id
   */
  async confirm(id) {
    await this.#outbox.retry((one) => one.state === "held" && one.id === id);
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
    navigator.mediaDevices?.removeEventListener("devicechange", this.#lookForDevices);
    await this.#shelf.close();
    this.#become("closed");
  }

  /**
   * Open the microphone and begin; null if it was stopped before.
   * @param {"recording" | "testing"} state
   * @param {string[]} locks
   * @param {(stream: MediaStream) => Run} make
   */
  async #begin(state, locks, make) {
    if (this.#state === "saving") await this.#ending;
    if (this.#isClosed) throw new RecorderError("closed");
    if (this.#state !== "idle") throw new RecorderError("busy");
    this.#become("asking");
    const asked = ++this.#asked;
    /** @type {(() => void)[]} */
    const held = [];
    const free = () => held.forEach((release) => release());
    try {
      if (this.#stream && !isLive(this.#stream)) this.#release();
      const stream = this.#stream ?? (await openMicrophone(this.#given.microphone));
      if (asked !== this.#asked) return closeMicrophone(stream), null;
      this.#stream = stream;
      this.device = microphoneOf(stream);
      for (const name of locks) held.push(await holdOrSay(name));
      if (asked !== this.#asked) return free(), null;
      this.#become(state);
      const run = make(stream);
      this.#run = run;
      return { run, free };
    } catch (trouble) {
      free();
      if (asked !== this.#asked) return null;
      this.#release();
      this.#become("idle");
      throw trouble instanceof RecorderError ? trouble : new RecorderError("recording_failed");
    }
  }

  /**
   * @param {Take} take
   * @param {import("./recorder/run.js").End} end
   */
  async #keep(take, { reason, trouble, seconds }) {
    this.#run = null;
    this.#become("saving");
    if (!this.#given.keepMicrophone || trouble) this.#release();
    if (trouble) this.#emit("error", trouble);
    /** @type {Recording | null} */
    let kept = null;
    try {
      kept = await take.finish({ seconds, end: reason }, async (record) => stateOf(record, await this.#outbox.all()));
      if (kept) this.#outbox.announce(kept);
      else this.#warn("recording_empty");
      return kept;
    } finally {
      this.#outbox.over(take.record.id);
      this.#over();
      this.#emit("ended", { reason, seconds, recording: kept });
      this.#outbox.wake();
    }
  }

  #over() {
    this.#run = null;
    this.#ending = null;
    if (!this.#given.keepMicrophone) this.#release();
    this.#become("idle");
  }

  /** @param {Recording} record */
  #takeOf(record) {
    const { store, spare } = this.#shelf.stores;
    const spared = (/** @type {any} */ trouble) => this.#warn(trouble?.name === "QuotaExceededError" ? "storage_full" : "storage_failed");
    return new Take(record, store, spare, spared, () => this.#outbox.more(record.id));
  }

  #release() {
    if (this.#stream) closeMicrophone(this.#stream);
    this.#stream = null;
  }

  #lookForDevices = async () => this.#emit("devices", { devices: await microphones() });

  /** @param {RecorderState} state */
  #become(state) {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#emit("state", { state });
  }

  /** @param {string} code */
  #warn(code) {
    this.#emit("error", problem(code));
  }

  /**
   * An event, and the callback of the same name; a callback that throws stops nothing here.
   * @param {keyof import("./recorder.d.ts").RecorderEventMap} type
   * @param {object} detail
   */
  #emit(type, detail) {
    if (this.#given.warnBeforeLeaving) this.#guard();
    this.dispatchEvent(new CustomEvent(type, { detail }));
    const name = /** @type {"onState"} */ (`on${type[0].toUpperCase()}${type.slice(1)}`);
    try {
      this.#given[name]?.(/** @type {any} */ (detail));
    } catch (trouble) {
      reportError(trouble);
    }
  }
}

/**
 * How much of a recording is safely at the server, and how much there is.
 * @param {Recording} recording
 */
function meterOf({ id, session, question, storedBytes, storedSeconds, bytes, seconds }) {
  return { id, session, question, storedBytes, storedSeconds, bytes, seconds };
}

/** @param {string} name */
async function holdOrSay(name) {
  const release = await hold(name, { ifAvailable: true });
  if (!release) throw new RecorderError("elsewhere");
  return release;
}
