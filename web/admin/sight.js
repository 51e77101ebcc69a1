/** What the page sees, and since when it does not any more: what nobody confirms is old. */

export const OLD_AFTER = 15_000;

/** One thing that is looked at again and again. */
export class Sight {
  /** @type {number | null} */
  seen = null;
  /** @type {string | null} */
  why = null;

  /** @param {number} now */
  isSeen(now) {
    this.seen = now;
    this.why = null;
  }

  /** @param {string} why a sentence */
  isMissed(why) {
    this.why = why;
  }

  forget() {
    this.seen = this.why = null;
  }

  /**
   * Whether what was seen is no longer known to be so.
   * @param {number} now
   */
  isOld(now) {
    return this.seen !== null && (this.why !== null || this.seconds(now) * 1000 > OLD_AFTER);
  }

  /** @param {number} now */
  seconds(now) {
    return this.seen === null ? 0 : Math.max(0, (now - this.seen) / 1000);
  }

  /** Why it is old. */
  get reason() {
    return this.why ?? "Nothing has come back for a while.";
  }
}
