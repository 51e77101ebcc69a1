/**
 * Sends a recording while it is made, as far as it is kept. What cannot be sent now is sent later, and what is left when the
 * recording ends is left to the outbox.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("./shelf.js").Shelf} Shelf
 * @typedef {import("../answers.d.ts").Found} Found
 */

import { backoff } from "./backoff.js";
import { isNoWay, LATER, Passage } from "./pieces.js";

/** What comes first is looked for again after so long. */
const LOOK_AGAIN = 5000;

/** Sleeps until the time is over, or there is reason to look: news of the recording, or a network that returned. */
class Sleeper {
  #isNews = false;
  #isUrgent = false;
  #ring = () => {};
  /** Nobody is to look any more. */
  isOver = false;

  /** @param {boolean} [isUrgent] it is no longer to be waited for anything */
  wake(isUrgent = false) {
    this.#isNews = true;
    this.#isUrgent ||= isUrgent;
    this.#ring();
  }

  /**
   * @param {number} milliseconds
   * @param {boolean} [isFirm] news are no reason
   */
  async sleep(milliseconds, isFirm = false) {
    const until = performance.now() + milliseconds;
    for (let left = milliseconds; left > 0; left = until - performance.now()) {
      if (this.#isUrgent || (this.#isNews && !isFirm)) break;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#ring = () => resolve(clearTimeout(timer));
      });
    }
    this.#isNews = this.#isUrgent = false;
  }
}

export class Streams {
  #shelf;
  #given;
  #signal;
  #tell;
  /** @type {Map<string, { sleeper: Sleeper, over: Promise<void> }>} */
  #open = new Map();

  /**
   * @param {Shelf} shelf
   * @param {{ token: import("../recorder.js").TokenSource, stallSeconds: number }} given
   * @param {AbortSignal} signal
   * @param {(recording: Recording) => void} tell of more that is stored
   */
  constructor(shelf, given, signal, tell) {
    this.#shelf = shelf;
    this.#given = given;
    this.#signal = signal;
    this.#tell = tell;
    signal.addEventListener("abort", () => this.hurry());
  }

  /** More of it is kept. @param {string} id */
  wake(id) {
    this.#open.get(id)?.sleeper.wake();
  }

  /** What was waited for may be over. */
  hurry() {
    for (const { sleeper } of this.#open.values()) sleeper.wake(true);
  }

  /** It has ended: answers once nothing of it is under way any more. @param {string} id */
  async over(id) {
    const stream = this.#open.get(id);
    if (!stream) return;
    stream.sleeper.isOver = true;
    stream.sleeper.wake(true);
    await stream.over;
  }

  /** @param {string} id of a recording that begins */
  begin(id) {
    const sleeper = new Sleeper();
    const over = this.#run(id, sleeper).catch(() => {}); // the storage failed: the outbox looks, and tells
    this.#open.set(id, { sleeper, over: over.finally(() => this.#open.delete(id)) });
  }

  /**
   * @param {string} id
   * @param {Sleeper} sleeper
   */
  async #run(id, sleeper) {
    const passage = new Passage({ ...this.#given, signal: this.#signal });
    let failures = 0;
    while (!this.#signal.aborted && !sleeper.isOver) {
      const recording = await this.#shelf.get(id);
      if (recording?.whole) return;
      if (!recording || recording.bytes === recording.storedBytes || (await this.#waits(recording))) {
        await sleeper.sleep(LOOK_AGAIN);
        continue;
      }
      const found = await advance(this.#shelf, passage, recording, this.#tell).catch(() => LATER);
      failures = found.is === "answer" ? 0 : failures + 1;
      if (failures) await sleeper.sleep(backoff(failures, found.is === "later" ? found.retryAfter : null), true);
    }
  }

  /** The server numbers takes as they begin there, and the last one counts: an earlier one goes first. @param {Recording} recording */
  async #waits({ id, session, question, upload }) {
    if (upload) return false;
    const all = await this.#shelf.all();
    return all.some((one) => one.id !== id && one.session === session && one.question === question && one.state === "kept");
  }
}

/**
 * One step of a recording on its way, noted and told. A way that the server does not go is not tried again. What was begun
 * there of one that is gone meanwhile, nobody else knows of: it is forgotten there too, for it would be waited for.
 * @param {Shelf} shelf
 * @param {Passage} passage
 * @param {Recording} recording
 * @param {(recording: Recording) => void} tell
 * @returns {Promise<Found>}
 */
export async function advance(shelf, passage, recording, tell) {
  const { id, storedBytes } = recording;
  const { found, news } = await passage.step(recording, (from, most) => shelf.since(id, from, most));
  if (isNoWay(found)) news.whole = true;
  const noted = await shelf.update(id, (one) => one.state !== "accepted" && news);
  if (noted && noted.storedBytes !== storedBytes) tell(noted);
  if (!noted && news.upload) await passage.withdraw({ ...recording, ...news });
  return found;
}
