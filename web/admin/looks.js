/** Everything that is looked at, each for itself: what cannot be had makes nothing else old. */

import { Problem } from "../call.js";
import { Sight } from "./sight.js";

/** @typedef {{ name: string, look: () => Promise<unknown>, every?: number }} Look */

export class Looks {
  /** @type {Map<string, Sight>} */
  #sights = new Map();

  /** @param {Look[]} all */
  constructor(all) {
    this.all = all;
    for (const { name } of all) this.#sights.set(name, new Sight());
  }

  /** Look at what is due; a Problem where the API itself refuses the token. */
  async look() {
    const due = this.all.filter((each) => this.#isDue(each));
    const found = await Promise.allSettled(due.map((each) => each.look()));
    found.forEach((result, index) => this.#note(this.sight(due[index].name), result));
    const refused = found.find((result) => result.status === "rejected" && result.reason instanceof Problem && result.reason.isOfToken);
    if (refused) throw /** @type {PromiseRejectedResult} */ (refused).reason;
  }

  /** @param {string} name */
  sight(name) {
    return /** @type {Sight} */ (this.#sights.get(name));
  }

  forget() {
    for (const sight of this.#sights.values()) sight.forget();
  }

  /** @param {Look} look */
  #isDue({ name, every = 0 }) {
    const sight = this.sight(name);
    return sight.seen === null || sight.why !== null || Date.now() - sight.seen >= every;
  }

  /**
   * @param {Sight} sight
   * @param {PromiseSettledResult<unknown>} result
   */
  #note(sight, result) {
    if (result.status === "fulfilled") {
      sight.isSeen(Date.now());
      return;
    }
    if (!(result.reason instanceof Problem)) reportError(result.reason);
    sight.isMissed(result.reason instanceof Problem ? result.reason.message : "The page could not show what came.");
  }
}
