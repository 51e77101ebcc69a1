/**
 * Hands what is kept to the server, one recording after the other, until it has said 202 for each.
 *
 * All tabs of one origin share what is kept; a Web Lock sees to it that one of them sends at a time. The
 * idempotency key, which is the recording's id, makes a second sending harmless where there are no locks.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("../recorder.js").RecordingEvent} RecordingEvent
 * @typedef {import("../recorder.js").TokenSource} TokenSource
 * @typedef {import("./store.js").IndexedStore | import("./memory.js").MemoryStore} Store
 * @typedef {import("../answers.d.ts").Found} Found
 */

import { NO_CONNECTION } from "../answers.js";
import { backoff } from "./backoff.js";
import { alone, HAS_LOCKS, unlessHeld } from "./locks.js";
import { upload } from "./upload.js";

const LONGEST_SLEEP = 3600_000;
const SILENT_MILLISECONDS = 10_000;

/** @param {string} id */
export const lockOf = (id) => `viva-voce-recording:${id}`;

export class Outbox {
  #stores;
  #given;
  #tell;
  #closing = new AbortController();
  /** @type {{ id: string, abort: AbortController } | null} */
  #sending = null;
  #runs = false;
  #again = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;
  #channel;

  /**
   * @param {Store[]} stores what is in two of them counts in the first
   * @param {{ api: string, owner: string, token: TokenSource, stallSeconds: number, name: string }} given
   * @param {(event: RecordingEvent) => void} tell
   */
  constructor(stores, given, tell) {
    this.#stores = stores;
    this.#given = given;
    this.#tell = tell;
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(given.name);
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data));
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
  }

  /** Take up what earlier pages left, also what broke off with them in the middle of a recording. */
  async start() {
    await this.#adopt();
    this.wake();
  }

  /** What is kept here, the oldest first. */
  async all() {
    const found = await Promise.all(this.#stores.map((store) => store.all().catch(() => [])));
    const { api, owner } = this.#given;
    const mine = found.flat().filter((one, at, all) => {
      return one.api === api && one.owner === owner && all.findIndex(({ id }) => id === one.id) === at;
    });
    return mine.sort((a, b) => a.startedAt - b.startedAt);
  }

  /** Send what is due, and sleep until the next is. Never waited for. */
  wake() {
    this.#run().catch((trouble) => {
      if (!this.#closing.signal.aborted) reportError(trouble);
    });
  }

  /** @param {string} [id] one of them, or all */
  async retry(id) {
    for (const one of await this.all()) {
      if (one.state !== "kept" && one.state !== "refused") continue;
      if (id === undefined || id === one.id) await this.#change({ ...one, state: "kept", problem: null, retryAt: 0 });
    }
    this.wake();
  }

  /** @param {string} id */
  async discard(id) {
    const store = await this.#storeOf(id);
    const found = await store?.get(id);
    if (!store || !found) return;
    await store.remove(id);
    if (this.#sending?.id === id) this.#sending.abort.abort();
    this.announce({ ...found, state: "discarded" });
  }

  /**
   * Tell this page and the others.
   * @param {RecordingEvent} event
   */
  announce(event) {
    this.#channel?.postMessage(event);
    this.#tell(event);
  }

  close() {
    this.#closing.abort();
    this.#sending?.abort.abort();
    clearTimeout(this.#alarm);
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#channel?.close();
  }

  #hurry = async () => {
    if (document.visibilityState === "hidden") return;
    for (const one of await this.all()) {
      if (one.state === "kept" && one.offline) await this.#change({ ...one, retryAt: 0 });
    }
    this.wake();
  };

  async #run() {
    this.#again = true;
    if (this.#runs) return;
    this.#runs = true;
    try {
      while (this.#again && !this.#closing.signal.aborted) {
        this.#again = false;
        const lock = `viva-voce-outbox:${this.#given.name}:${this.#given.api}:${this.#given.owner}`;
        await alone(lock, this.#closing.signal, () => this.#drain());
      }
    } finally {
      this.#runs = false;
    }
    await this.#sleep();
  }

  async #drain() {
    for (;;) {
      const next = due(await this.all(), Date.now());
      if (!next || this.#closing.signal.aborted) return;
      await this.#send(next);
    }
  }

  async #sleep() {
    const waiting = (await this.all()).filter((one) => one.state === "kept");
    if (!waiting.length || this.#closing.signal.aborted) return;
    const next = Math.min(...waiting.map((one) => one.retryAt)) - Date.now();
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => this.wake(), Math.min(Math.max(next, 50), LONGEST_SLEEP));
  }

  /** @param {Recording} recording */
  async #send(recording) {
    const begun = { ...recording, attempts: recording.attempts + 1 };
    await (await this.#storeOf(begun.id))?.put(begun);
    const outcome = await this.#attempt(begun);
    const store = await this.#storeOf(begun.id);
    if (!store || this.#closing.signal.aborted) return; // discarded meanwhile, or left to the next page
    if (outcome.is === "answer") {
      await store.remove(begun.id);
      this.announce({ ...begun, state: "accepted", answer: outcome.body });
    } else if (outcome.is === "refusal") {
      await this.#change({ ...begun, state: "refused", problem: outcome.problem });
    } else {
      const retryAt = Date.now() + backoff(begun.attempts, outcome.retryAfter);
      const offline = !outcome.problem.status && outcome.retryAfter === null;
      await this.#change({ ...begun, problem: outcome.problem, offline, retryAt });
    }
  }

  /**
   * @param {Recording} recording
   * @returns {Promise<Found>}
   */
  async #attempt(recording) {
    const abort = new AbortController();
    this.#sending = { id: recording.id, abort };
    const onProgress = (/** @type {number} */ progress) => this.announce({ ...recording, state: "sending", progress });
    try {
      onProgress(0);
      const store = await this.#storeOf(recording.id);
      const data = (await store?.data(recording.id, recording.type)) ?? new Blob();
      return await upload({ ...this.#given, recording, data, signal: abort.signal, onProgress });
    } catch {
      return { is: "later", problem: NO_CONNECTION, retryAfter: null }; // the page gives no token at the moment, say
    } finally {
      this.#sending = null;
    }
  }

  /**
   * Write it, unless it was discarded meanwhile, and tell.
   * @param {Recording} recording
   */
  async #change(recording) {
    const store = await this.#storeOf(recording.id);
    if (!store) return;
    await store.put(recording);
    this.announce(recording);
  }

  /** @param {string} id */
  async #storeOf(id) {
    for (const store of this.#stores) {
      if (await store.get(id).catch(() => undefined)) return store;
    }
    return null;
  }

  /** A recording whose page is gone ends with the last chunk that was written. */
  async #adopt() {
    let isUnsure = false;
    for (const one of await this.all()) {
      if (one.state !== "recording") continue;
      if (HAS_LOCKS) await unlessHeld(lockOf(one.id), () => this.#end(one.id));
      else if (Date.now() - one.touchedAt > SILENT_MILLISECONDS) await this.#end(one.id);
      else isUnsure = true;
    }
    if (isUnsure) setTimeout(() => this.start().catch(reportError), SILENT_MILLISECONDS);
  }

  /** @param {string} id */
  async #end(id) {
    const store = await this.#storeOf(id);
    const found = await store?.get(id);
    if (!store || found?.state !== "recording") return;
    if (!found.bytes) return store.remove(id);
    await this.#change({ ...found, state: "kept", recovered: true });
  }

  /** @param {RecordingEvent} event */
  #hear(event) {
    const { api, owner } = this.#given;
    if (event.api === api && event.owner === owner) this.#tell({ ...event, elsewhere: true });
  }
}

/**
 * The recording to send now: the oldest whose time has come. A later take of an answer waits for the earlier one,
 * for the one that the server gets last is the one that counts.
 * @param {Recording[]} recordings the oldest first
 * @param {number} now
 */
export function due(recordings, now) {
  const blocked = new Set();
  for (const one of recordings) {
    const answer = JSON.stringify([one.session, one.question]);
    if (one.state !== "kept") continue;
    const isTime = one.retryAt <= now || one.retryAt > now + LONGEST_SLEEP + 60_000;
    if (isTime && !blocked.has(answer)) return one;
    blocked.add(answer);
  }
  return null;
}
