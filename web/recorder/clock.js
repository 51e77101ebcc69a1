/** The seconds that were recorded: while the whole device sleeps, nothing is. */

const LONGEST_BEAT = 5000;

export class Clock {
  #recorded = 0;
  #beatAt = performance.now();
  #longest;

  /** @param {number} [usual] milliseconds between two beats, where that is long */
  constructor(usual = 0) {
    this.#longest = Math.max(LONGEST_BEAT, usual);
  }

  /** Called again and again while it records; answers whether the device slept since the last time. */
  beat() {
    const passed = this.#passed;
    this.#beatAt = performance.now();
    if (passed > this.#longest) return true;
    this.#recorded += passed;
    return false;
  }

  get seconds() {
    const passed = this.#passed;
    return (this.#recorded + (passed > this.#longest ? 0 : passed)) / 1000;
  }

  get #passed() {
    return performance.now() - this.#beatAt;
  }
}
