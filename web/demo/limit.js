/** How long a recording may still go on: announced in time, shown while it is short, and put off by one key. */

import { announce, clock } from "./dom.js";

const SOON_SECONDS = 30;
const LAST_SECONDS = 10;

export class Limit {
  #card;
  #sound;

  /**
   * @param {ReturnType<typeof import("./talk.js").talkCard>} card
   * @param {import("./sound.js").Sound} sound
   */
  constructor(card, sound) {
    this.#card = card;
    this.#sound = sound;
  }

  /** @param {{ elapsed: number, remaining: number }} time */
  tick({ elapsed, remaining }) {
    const { time, limit, left, extend } = this.#card;
    time.textContent = clock(elapsed);
    limit.textContent = ` / ${clock(Math.round(elapsed + remaining))}`;
    left.hidden = remaining > SOON_SECONDS;
    left.textContent = `${Math.ceil(remaining)} s left`;
    left.classList.toggle("last", remaining <= LAST_SECONDS);
    if (left.hidden) extend.hidden = true;
  }

  /**
   * The end is near: said once.
   * @param {{ remaining: number, canExtend: boolean }} warning
   */
  warn({ remaining, canExtend }) {
    const { extend } = this.#card;
    const more = `${clock(this.#sound.extendSeconds)} more`;
    extend.hidden = !canExtend;
    extend.textContent = `+ ${more}`;
    announce(`${Math.round(remaining)} seconds left.${canExtend ? ` The button “+ ${more}” puts the end off.` : ""}`);
  }

  extend() {
    const isMore = this.#sound.recorder.extend();
    this.#card.record.focus(); // the button goes
    this.#card.extend.hidden = true;
    announce(isMore ? `${clock(this.#sound.extendSeconds)} more.` : "It cannot be put off any more.");
  }
}
