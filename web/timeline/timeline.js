/** A conversation on two lanes: what is said under the cursor, which the mouse, the keyboard or the sound moves. */

import { h } from "../demo/dom.js";
import { NAMES, SIDES, going, said, tenths, waited, wordAt } from "./moments.js";

/** @typedef {import("./moments.js").Conversation} Conversation */
/** @typedef {import("./moments.js").Turn} Turn */

export class Timeline {
  #cursor = h("span.cursor", { "aria-hidden": "true" });
  #words = h("div.under");
  #at = 0;

  /**
   * @param {Conversation} conversation
   * @param {number} seconds of the whole
   * @param {string} sound where it is
   */
  constructor(conversation, seconds, sound) {
    this.conversation = conversation;
    this.seconds = seconds;
    this.audio = h("audio", { controls: true, preload: "metadata", src: sound, ontimeupdate: () => this.#move(this.audio.currentTime), "aria-label": "The call" });
    this.slider = h("input.moment", { type: "range", min: 0, max: seconds.toFixed(1), step: 0.1, value: 0, "aria-label": "Moment of the call", oninput: () => this.#seek(Number(this.slider.value)) });
    const lanes = h("div.lanes", { role: "group", "aria-label": "Who speaks when" }, ...SIDES.map((side) => this.#lane(side)), this.#cursor);
    lanes.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#look(this.#under(event, lanes)));
    lanes.addEventListener("pointerleave", () => this.#look(this.#at));
    this.element = h("div.timeline", {}, this.audio, lanes, this.slider, this.#words, this.#sums());
    this.#move(0);
  }

  /** @param {"left" | "right"} side */
  #lane(side) {
    const turns = this.conversation.turns.filter(({ speaker }) => speaker === side);
    return h("ol.lane", { "aria-label": NAMES[side] }, ...turns.map((turn) => h("li", {}, this.#button(turn))));
  }

  /** @param {Turn} turn */
  #button(turn) {
    const name = [`${NAMES[turn.speaker]} at ${tenths(turn.start)}`, waited(this.conversation, turn), turn.text || "not understood"];
    const button = h(`button.turn.${turn.speaker}`, { type: "button", "aria-label": name.filter(Boolean).join(", "), onclick: () => this.#play(turn.start) }, turn.text);
    this.#place(button, turn.start, turn.end);
    return button;
  }

  /** @param {HTMLElement} element @param {number} start @param {number} [end] */
  #place(element, start, end) {
    element.style.left = `${(100 * start) / this.seconds}%`;
    if (end !== undefined) element.style.width = `${(100 * (end - start)) / this.seconds}%`;
  }

  /** @param {number} moment */
  #play(moment) {
    this.#seek(moment);
    this.audio.play().catch(() => {}); // where sound may not begin, the words are there all the same
  }

  /** @param {number} moment */
  #seek(moment) {
    this.audio.currentTime = moment;
    this.#move(moment);
  }

  /** @param {number} moment */
  #move(moment) {
    this.#at = moment;
    this.slider.value = String(moment);
    this.slider.setAttribute("aria-valuetext", said(this.conversation, moment));
    this.#look(moment);
  }

  /** Show a moment, without going there. @param {number} moment */
  #look(moment) {
    this.#place(this.#cursor, moment);
    const turns = going(this.conversation, moment);
    const shown = turns.length ? turns.map((turn) => this.#sentence(turn, moment)) : [h("p.hint", {}, `${tenths(moment)}: nobody speaks.`)];
    this.#words.replaceChildren(...shown);
  }

  /** @param {Turn} turn @param {number} moment */
  #sentence(turn, moment) {
    const now = wordAt(turn, moment);
    const words = turn.words?.length ? turn.words.flatMap(({ text }, number) => [h(number === now ? "mark" : "span", {}, text), " "]) : [turn.text];
    return h("p", {}, h("strong", {}, `${NAMES[turn.speaker]}: `), ...words);
  }

  /** @param {PointerEvent} event @param {HTMLElement} lanes */
  #under(event, lanes) {
    const { left, width } = lanes.getBoundingClientRect();
    return Math.min(this.seconds, Math.max(0, ((event.clientX - left) / width) * this.seconds));
  }

  #sums() {
    const { response_latency: latency, talk_ratio: ratio, overlap_seconds: both } = this.conversation;
    const told = [
      ["Answered after", latency === null ? "nothing was answered" : `${latency.toFixed(1)} s, in the median`],
      ["Candidate's share of the talk", ratio === null ? "nobody speaks" : `${Math.round(100 * ratio)} %`],
      ["Both at once", `${both.toFixed(1)} s`],
    ];
    return h("dl.sums", {}, ...told.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }
}
