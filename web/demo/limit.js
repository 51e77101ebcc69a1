/** How long a recording may still go on: announced in time, shown while it is short, and extended by one key. */

import { announce, clock } from "./dom.js";

const SOON_SECONDS = 30;
const LAST_SECONDS = 10;

export class Limit {
  #card;
  #sound;
  #said = new Set();
  #ends = 0;

  /**
   * @param {ReturnType<typeof import("./talk.js").talkCard>} card
   * @param {import("./sound.js").Sound} sound
   */
  constructor(card, sound) {
    this.#card = card;
    this.#sound = sound;
    this.longest = sound.maxDuration;
  }

  /** A new recording begins. */
  begin() {
    this.#said.clear();
    this.longest = this.#sound.maxDuration;
  }

  /** @param {{ elapsed: number, remaining: number }} time */
  tick({ elapsed, remaining }) {
    const { time, limit, left, extend } = this.#card;
    this.longest = Math.round(elapsed + remaining);
    time.textContent = clock(elapsed);
    limit.textContent = ` / ${clock(this.longest)}`;
    const isSoon = remaining <= SOON_SECONDS;
    left.hidden = !isSoon;
    left.textContent = `${Math.ceil(remaining)} s left`;
    left.classList.toggle("last", remaining <= LAST_SECONDS);
    const more = this.#sound.more();
    extend.hidden = !isSoon || more <= 0;
    extend.textContent = `+ ${clock(more)} more`;
    if (remaining <= LAST_SECONDS) this.#say(LAST_SECONDS);
    else if (isSoon) this.#say(SOON_SECONDS, more > 0 ? " Press the button for more time to go on longer." : "");
  }

  extend() {
    const more = this.#sound.extend();
    this.#said.clear();
    announce(`${clock(more)} more.`);
    this.#card.record.focus(); // the button goes
  }

  /** @param {number} seconds @param {string} [more] */
  #say(seconds, more = "") {
    if (this.#said.has(seconds) || this.#said.has(LAST_SECONDS)) return;
    this.#said.add(seconds);
    announce(`${seconds} seconds left.${more}`);
  }
}
