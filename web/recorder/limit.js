/** How long a recording may be, when that is told, and by how much it may be put off. */

export class Limit {
  #told = new Set();
  #extensions = 0;
  #given;

  /** @param {{ maxDuration: number, limitWarnings: number[], maxExtensions: number, extendSeconds: number }} given */
  constructor(given) {
    this.#given = given;
    this.seconds = given.maxDuration;
  }

  get canExtend() {
    return this.#extensions < this.#given.maxExtensions;
  }

  /** Put the end off, if that may be done once more. */
  extend() {
    if (!this.canExtend) return false;
    this.#extensions += 1;
    this.seconds += this.#given.extendSeconds;
    this.#told.clear();
    return true;
  }

  /**
   * Whether fewer seconds are left than one of the warnings says; each is given once.
   * @param {number} remaining
   */
  warns(remaining) {
    const passed = this.#given.limitWarnings.filter((seconds) => remaining <= seconds && !this.#told.has(seconds));
    for (const seconds of passed) this.#told.add(seconds);
    return passed.length > 0;
  }
}
