/**
 * Hands what is kept to the server, one recording after the other, until it has said 202 for each.
 *
 * All tabs of one origin share what is kept; a Web Lock sees to it that one of them sends at a time. The
 * idempotency key, which is the recording's id, makes a second sending harmless where there are no locks.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("../recorder.js").RecordingEvent} RecordingEvent
 * @typedef {import("../recorder.js").TokenSource} TokenSource
 * @typedef {import("./shelf.js").Shelf} Shelf
 * @typedef {import("../answers.d.ts").Found} Found
 */

import { backoff } from "./backoff.js";
import { stateOf } from "./earlier.js";
import { alone, HAS_LOCKS, hold } from "./locks.js";
import { isNoWay, LATER, Passage } from "./pieces.js";
import { advance, Streams } from "./streams.js";
import { upload } from "./upload.js";

const LONGEST_SLEEP = 3600_000;
const SILENT_MILLISECONDS = 10_000;
/** After so many answers of strangers to a recording in pieces it is tried as a whole, which they may let through. */
const STRANGERS = 3;

/** @param {string} id */
export const lockOf = (id) => `viva-voce-recording:${id}`;

export class Outbox {
  #shelf;
  #given;
  #tell;
  #closing = new AbortController();
  #streams;
  /** @type {{ id: string, abort: AbortController } | null} */
  #sending = null;
  #runs = false;
  #again = false;
  #onStored;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;
  #channel;
  /** Which recordings other tabs are making, as far as is known. @type {Map<string, RecordingEvent>} */
  #elsewhere = new Map();

  /**
   * @param {Shelf} shelf
   * @param {{ api: string, owner: string, token: TokenSource, stallSeconds: number, name: string }} given
   * @param {(event: RecordingEvent) => void} tell
   * @param {(recording: Recording) => void} onStored told where more of one is safely at the server
   */
  constructor(shelf, given, tell, onStored) {
    this.#shelf = shelf;
    this.#given = given;
    this.#tell = tell;
    this.#onStored = onStored;
    this.#streams = new Streams(shelf, given, this.#closing.signal, onStored);
    this.#channel = channelOf(given.name);
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data));
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
  }

  /** Take up what earlier pages left, also what broke off with them in the middle of a recording. */
  async start() {
    await this.#adopt();
    this.wake();
  }

  /** What is here of this owner, the oldest first. */
  async all() {
    return (await this.#shelf.all()).filter((one) => this.#isMine(one));
  }

  /** Send what is due, and sleep until the next is. Never waited for. */
  wake() {
    this.#run().catch((trouble) => {
      if (!this.#closing.signal.aborted) reportError(trouble);
    });
  }

  /**
   * Send it now, or all that wait or were refused; what is of another owner is tried once, with that owner's token.
   * @param {(one: Recording) => boolean} isMeant
   */
  async retry(isMeant) {
    for (const one of (await this.#shelf.all()).filter(isMeant)) {
      const again = await this.#change(one.id, (found) => found.state !== "accepted" && { state: "kept", problem: null, retryAt: 0 });
      if (again && !this.#isMine(again)) await this.#alone(again, () => this.#send(again));
    }
    this.wake();
  }

  /** @param {string} id */
  async discard(id) {
    const found = await this.#shelf.remove(id);
    if (!found) return;
    if (this.#sending?.id === id) this.#sending.abort.abort();
    this.announce({ ...found, state: "discarded" });
    if (found.upload) await this.#withdraw(found);
  }

  /**
   * Send it while it is made, unless it goes in one request.
   * @param {Recording} recording that begins
   */
  stream({ id, whole }) {
    if (!whole) this.#streams.begin(id);
  }

  /** More of it is kept. @param {string} id */
  more(id) {
    this.#streams.wake(id);
  }

  /** It is made no longer. @param {string} id */
  over(id) {
    return this.#streams.over(id);
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
    for (const { id } of await this.all()) {
      await this.#change(id, (one) => one.state === "kept" && one.offline && one.retryAt > 0 && { retryAt: 0 });
    }
    this.#streams.hurry();
    this.wake();
  };

  async #run() {
    this.#again = true;
    if (this.#runs) return;
    this.#runs = true;
    try {
      while (this.#again && !this.#closing.signal.aborted) {
        this.#again = false;
        await this.#alone(this.#given, () => this.#drain());
      }
    } finally {
      this.#runs = false;
    }
    await this.#sleep();
  }

  /**
   * While no other tab sends for this owner.
   * @param {{ api: string, owner: string }} of
   * @param {() => Promise<void>} act
   */
  #alone({ api, owner }, act) {
    return alone(`viva-voce-outbox:${this.#given.name}:${api}:${owner}`, this.#closing.signal, act);
  }

  async #drain() {
    for (const { id, state } of await this.all()) {
      if (state !== "held") continue;
      await this.#streams.over(id); // what it begins at this moment is noted then
      const one = await this.#shelf.get(id);
      if (one?.upload) await this.#withdraw(one);
    }
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
  async #send({ id }) {
    const begun = await this.#shelf.update(id, (one) => one.state === "kept" && { attempts: one.attempts + 1 });
    if (!begun) return;
    const outcome = await this.#attempt(begun);
    if (this.#closing.signal.aborted) return; // left to the next page
    if (outcome.is === "answer") {
      const settled = await this.#shelf.update(id, (one) => ({ state: "accepted", problem: null, upload: null, storedBytes: one.bytes, storedSeconds: one.seconds }));
      if (settled) this.announce({ ...settled, answer: outcome.body });
    } else if (outcome.is === "refusal") {
      await this.#change(id, () => ({ state: "refused", problem: outcome.problem }));
    } else {
      const retryAt = Date.now() + backoff(begun.attempts, outcome.retryAfter);
      const offline = !outcome.problem.status && outcome.retryAfter === null;
      await this.#change(id, () => ({ problem: outcome.problem, offline, retryAt }));
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
      return await this.#sent(recording, abort.signal, onProgress);
    } catch {
      return LATER; // the page gives no token at the moment, say
    } finally {
      this.#sending = null;
    }
  }

  /**
   * In pieces, of which only those are sent that the server has not; or as a whole, where it does not go in pieces.
   * @param {Recording} recording
   * @param {AbortSignal} signal
   * @param {(progress: number) => void} onProgress
   * @returns {Promise<Found>}
   */
  async #sent({ id }, signal, onProgress) {
    await this.#streams.over(id);
    const passage = new Passage({ ...this.#given, signal });
    const tell = (/** @type {Recording} */ one) => {
      onProgress(one.storedBytes / one.bytes);
      this.#onStored(one);
    };
    for (;;) {
      const one = await this.#shelf.get(id);
      if (!one) return LATER;
      if (one.whole ?? true) {
        if (one.upload) await this.#withdraw(one);
        return upload({ ...this.#given, recording: one, data: await this.#shelf.audio(one), signal, onProgress });
      }
      const isThere = one.upload !== null && one.storedBytes === one.bytes;
      const found = isThere ? await passage.finish(one) : await advance(this.#shelf, passage, one, tell);
      if (isThere && found.is === "answer") return found;
      const isStrange = found.is === "later" && found.problem.answered && one.attempts >= STRANGERS;
      if (isNoWay(found) || isStrange) await this.#shelf.update(id, () => ({ whole: true }));
      else if (found.is !== "answer") return found;
    }
  }

  /**
   * What the server has of it would be waited for there. Where it is not reached, it forgets that by itself.
   * @param {Recording} recording
   */
  async #withdraw(recording) {
    await this.#streams.over(recording.id);
    const passage = new Passage({ ...this.#given, signal: this.#closing.signal });
    const found = await passage.withdraw(recording).catch(() => null);
    if (!found || found.is === "later") return;
    const forgotten = { upload: null, storedBytes: 0, storedSeconds: 0 };
    await this.#shelf.update(recording.id, (one) => one.upload === recording.upload && forgotten);
  }

  /**
   * Change it, unless it is gone or nothing is to be changed, and tell.
   * @param {string} id
   * @param {(found: Recording) => Partial<Recording> | false} change
   */
  async #change(id, change) {
    const changed = await this.#shelf.update(id, change);
    if (changed) this.announce(changed);
    return changed;
  }

  /** A recording whose page is gone, or goes while this one is there, ends with the last chunk that was written. */
  async #adopt() {
    let isUnsure = false;
    for (const one of await this.all()) {
      const { id, state, touchedAt } = one;
      if (state !== "recording") continue;
      if (HAS_LOCKS) this.#takeUp(one).catch(() => {});
      else if (Date.now() - touchedAt > SILENT_MILLISECONDS) await this.#end(id);
      else isUnsure = true;
    }
    if (isUnsure) setTimeout(() => this.start().catch(reportError), SILENT_MILLISECONDS);
  }

  /** Ended at once where its page is gone, or once it is; until then it is made elsewhere. @param {Recording} one */
  async #takeUp(one) {
    const release = await hold(lockOf(one.id), { ifAvailable: true });
    release?.();
    if (release) await this.#endOnceFree(one.id);
    else this.#hear(one);
  }

  /** @param {string} id */
  async #endOnceFree(id) {
    await alone(lockOf(id), this.#closing.signal, () => this.#end(id));
    const silent = this.#elsewhere.get(id); // its page is gone, and nothing was written
    if (silent && !(await this.#shelf.get(id))) this.#hear({ ...silent, state: "discarded" });
    this.wake();
  }

  /** @param {string} id */
  async #end(id) {
    const all = await this.all();
    const found = all.find((one) => one.id === id && one.state === "recording");
    if (!found) return;
    if (!found.bytes) return void (await this.#shelf.remove(id));
    const state = stateOf({ ...found, end: "page_left" }, all);
    await this.#change(id, () => ({ state, end: "page_left", recovered: true }));
  }

  /** @param {{ api: string, owner: string }} of */
  #isMine({ api, owner }) {
    return api === this.#given.api && owner === this.#given.owner;
  }

  /** @param {RecordingEvent} event */
  #hear(event) {
    if (!this.#isMine(event)) return;
    const { id, state } = event;
    const isNew = state === "recording" && !this.#elsewhere.has(id);
    if (state === "recording") this.#elsewhere.set(id, event);
    else this.#elsewhere.delete(id);
    this.#tell({ ...event, elsewhere: true });
    if (isNew && HAS_LOCKS) this.#endOnceFree(id).catch(() => {});
  }
}

/**
 * Where other tabs hear of it; a browser that keeps nothing for a page may have none.
 * @param {string} name
 */
function channelOf(name) {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
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
