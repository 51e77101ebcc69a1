/** What this browser holds of one interview: on its way, refused, or waiting for the candidate's word. */

export class Locals {
  #session;
  #recorder;
  /** @type {Map<string, any>} */
  #newest = new Map();
  /** @type {Map<string, any>} */
  #held = new Map();
  /** @type {Map<string, any>} */
  #elsewhere = new Map();

  /**
   * @param {string} session
   * @param {import("../recorder.js").Recorder} recorder
   */
  constructor(session, recorder) {
    this.#session = session;
    this.#recorder = recorder;
  }

  /** Take up what is there already. */
  async recall() {
    for (const one of await this.#recorder.recordings()) this.follow(one);
  }

  /** @param {string} question */
  newest(question) {
    return this.#newest.get(question);
  }

  /** @param {string} question */
  held(question) {
    return [...this.#held.values()].filter((one) => one.question === question);
  }

  /** Whether another tab records it right now. @param {string} question */
  isElsewhere(question) {
    return [...this.#elsewhere.values()].some((one) => one.question === question);
  }

  /** How many wait to be sent. */
  waiting() {
    return [...this.#newest.values()].filter(({ state }) => state === "kept" || state === "sending").length;
  }

  /** How many wait for the candidate's word. */
  undecided() {
    return this.#held.size;
  }

  /**
   * Whether it is news of this interview.
   * @param {any} event
   */
  follow(event) {
    if (event.session !== this.#session) return false;
    this.#held.delete(event.id);
    this.#elsewhere.delete(event.id);
    if (event.state === "recording") return this.#note(event);
    if (event.state === "held") this.#held.set(event.id, event);
    const known = this.#newest.get(event.question);
    if (event.state === "held" || (known && known.startedAt > event.startedAt)) return true; // of an earlier take
    if (event.state !== "discarded") this.#newest.set(event.question, event);
    else if (known?.id === event.id) this.#newest.delete(event.question);
    return true;
  }

  /** @param {any} event */
  #note(event) {
    if (event.elsewhere) this.#elsewhere.set(event.id, event);
    return Boolean(event.elsewhere);
  }
}
