/** The seconds that were recorded: while the whole device sleeps, nothing is. */

const LONGEST_BEAT = 5000;

export class Clock {
  #recorded = 0;
  #beatAt = performance.now();

  /** Called again and again while it records; answers whether the device slept since the last time. */
  beat() {
    const passed = this.#passed;
    this.#beatAt = performance.now();
    if (passed > LONGEST_BEAT) return true;
    this.#recorded += passed;
    return false;
  }

  get seconds() {
    const passed = this.#passed;
    return (this.#recorded + (passed > LONGEST_BEAT ? 0 : passed)) / 1000;
  }

  get #passed() {
    return performance.now() - this.#beatAt;
  }
}
