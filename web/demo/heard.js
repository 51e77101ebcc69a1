/** What is understood of a recording before its end: read from the record whenever more of it is transcribed. */

import { Problem } from "../call.js";
import { own } from "../own.js";
import { h } from "./dom.js";

/** @type {import("../answers.d.ts").Expected} */
const SEGMENTS = { 200: { status: "string", segments: "array" } };

export class SoFar {
  #api;
  #session;
  #told;
  /** @type {Record<string, string>} */
  #known = {};
  #isClosed = false;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} session
   * @param {(question: string, heard: { take: number, words: string[] } | null) => void} told null where nothing is known any more
   */
  constructor(api, session, told) {
    this.#api = api;
    this.#session = session;
    this.#told = told;
  }

  close() {
    this.#isClosed = true;
  }

  /** @param {Record<string, any>} answers as the status has them */
  update(answers) {
    for (const id of new Set([...Object.keys(this.#known), ...Object.keys(answers)])) {
      const { take, transcribed_seconds: seconds } = own(answers, id) ?? {};
      const now = seconds ? `${take} ${seconds}` : "";
      if (now === (this.#known[id] ?? "")) continue;
      this.#known[id] = now;
      if (now) this.#read(id, now);
      else this.#told(id, null);
    }
  }

  /** @param {string} id @param {string} now */
  async #read(id, now) {
    const path = `/api/transcription-status/${encodeURIComponent(this.#session)}/${encodeURIComponent(id)}?segments=true`;
    try {
      const { body } = await this.#api.call("GET", path, { gives: SEGMENTS });
      if (this.#isClosed || this.#known[id] !== now || body.transcribed_seconds === null) return;
      const words = body.segments.map((/** @type {{ text: string }} */ one) => one.text.trim()).filter(Boolean);
      this.#told(id, { take: body.take, words });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (this.#known[id] === now) delete this.#known[id]; // with the next status again
    }
  }
}

/** Where the words stand: each is added behind the others once, and nothing around them moves. */
export class Heard {
  #take = 0;
  #words = h("span");
  #now = h("span.interim", { "aria-hidden": "true" });

  constructor() {
    this.element = h("div.heard", { role: "log", "aria-live": "polite", "aria-label": "Understood so far", dir: "auto", hidden: true });
  }

  /**
   * @param {boolean} isOn whether the question is being recorded
   * @param {{ take: number, words: string[] } | null} heard
   * @param {string} now what is being said behind that, which may change and is not read aloud
   */
  show(isOn, heard, now) {
    this.element.hidden = !isOn;
    const { take = 0, words = [] } = (isOn && heard) || {};
    const shown = this.#words.children;
    if (take !== this.#take || words.length < shown.length) this.#words.replaceChildren();
    this.#take = take;
    for (const text of words.slice(shown.length)) this.#words.append(h("span", {}, `${text} `));
    put(this.element, this.#words, words.length > 0);
    this.#now.textContent = isOn ? now : "";
    put(this.element, this.#now, Boolean(isOn && now));
    this.element.scrollTop = this.element.scrollHeight;
    this.element.tabIndex = this.element.scrollHeight > this.element.clientHeight + 1 ? 0 : -1;
  }
}

/** At the end, where it is to be seen. @param {Element} place @param {Element} one @param {boolean} isThere */
function put(place, one, isThere) {
  if (!isThere) one.remove();
  else if (one.parentNode !== place) place.append(one);
}
