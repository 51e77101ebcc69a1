/** The second step: one question after the other, and nobody waits. */

import { own } from "../own.js";
import { whileAsking } from "../recorder/asking.js";
import { ASKING } from "../recorder/words.js";
import { whyUnsupported } from "../recorder.js";
import { announce, clock, complain, h } from "./dom.js";
import { cutOffOf, endedOf } from "./ended.js";
import { openQuestions, whetherToFinish } from "./finish.js";
import { heldNotice } from "./held.js";
import { Limit } from "./limit.js";
import { Locals } from "./locals.js";
import { microphoneField } from "./microphones.js";
import { Standings } from "./standing.js";
import { clear, showQuestion, talkCard } from "./talk.js";

const QUIET = "Nothing can be heard. Is the right microphone chosen, and not muted?";
const ELSEWHERE = "This question is being recorded in another tab.";
const NOT_DURABLE = "This browser stores nothing, or has no room left: leave this page open until all is sent.";

export class Interview {
  #memory;
  #told;
  #recorder;
  #canvas;
  #sound;
  #why = whyUnsupported();
  #leaving = new AbortController();
  #answers = /** @type {Record<string, any>} */ ({});
  #heard = /** @type {Record<string, { take: number, words: string[] } | null>} */ ({});
  #now = /** @type {Record<string, string>} */ ({});
  #wasTold = new Set();
  #isOffline = false;
  #isAsking = false;

  /**
   * @param {{ session: string, questions: import("./remember.js").Question[], at: number }} memory
   * @param {import("./sound.js").Sound} sound
   * @param {{ finish: () => void, moved: (at: number) => void, sent: () => void }} told
   */
  constructor(memory, sound, told) {
    this.#memory = memory;
    this.#told = told;
    this.#recorder = sound.recorder;
    this.#canvas = sound.canvas;
    this.#sound = sound;
    this.locals = new Locals(memory.session, sound.recorder);
    this.standings = new Standings(memory.questions, { go: (at) => this.#jump(at), choices: (one) => this.#choices(one) });
    const acts = {
      record: () => this.#toggle(),
      extend: () => this.limit.extend(),
      go: (/** @type {number} */ step) => this.#go(step),
      attach: (/** @type {File} */ file) => this.#attach(file),
    };
    this.card = talkCard(sound.canvas, acts, microphoneField(sound, this.#leaving.signal));
    this.limit = new Limit(this.card, sound);
    this.element = this.#build();
    this.#subscribe();
    this.#clear();
    this.#show();
    this.locals.recall().then(() => this.#show(), reportError);
  }

  focus() {
    this.card.heading.focus();
  }

  /**
   * What the server says of the answers.
   * @param {{ answers: Record<string, any> }} status
   */
  update({ answers }) {
    this.#answers = withoutLive(answers, this.#answers);
    this.#memory.questions.forEach(({ id }, at) => {
      const { status, take } = own(answers, id) ?? {};
      const news = JSON.stringify([id, take, status]);
      if ((status === "completed" || status === "failed") && !this.#wasTold.has(news)) {
        this.#wasTold.add(news);
        announce(`Answer ${at + 1} is ${status === "completed" ? "transcribed" : "not transcribed: it failed"}.`);
      }
    });
    this.#show();
  }

  /**
   * What is understood of a recording so far.
   * @param {string} question
   * @param {{ take: number, words: string[] } | null} heard
   */
  hear(question, heard) {
    this.#heard[question] = heard;
    this.#now[question] = "";
    this.#show();
  }

  /**
   * What is being said right now, behind that; of a call by who answers.
   * @param {{ question_id: string, text: string, side: "left" | "right" | null }} said
   */
  murmur({ question_id: question, text, side }) {
    if (side === "right") return;
    this.#now[question] = text;
    this.#show();
  }

  /**
   * Why the server is not heard at the moment; null where it is.
   * @param {import("../call.js").Problem | null} problem
   */
  trouble(problem) {
    this.#isOffline = problem !== null;
    const words = problem ? `${problem.message} Go on: what you record is kept here until it can be sent.` : "";
    write(this.offline, words);
  }

  close() {
    this.#leaving.abort();
    this.#recorder.stop().catch(reportError); // nobody could stop it any more
  }

  #subscribe() {
    const { signal } = this.#leaving;
    whileAsking(this.#recorder, (is) => this.#ask(is), signal);
    this.#recorder.addEventListener("state", () => this.#show(), { signal });
    this.#recorder.addEventListener("time", ({ detail }) => this.limit.tick(detail), { signal });
    this.#recorder.addEventListener("limit", ({ detail }) => this.limit.warn(detail), { signal });
    this.#recorder.addEventListener("ended", ({ detail }) => this.#ended(detail), { signal });
    this.#recorder.addEventListener("quiet", ({ detail }) => this.#hint(detail.quiet ? QUIET : ""), { signal });
    this.#recorder.addEventListener("error", ({ detail }) => this.#hint(detail.detail), { signal });
    this.#recorder.addEventListener("stored", ({ detail }) => this.#meter(detail), { signal });
    this.#recorder.addEventListener("recording", ({ detail }) => this.#follow(detail), { signal });
  }

  get #question() {
    return this.#memory.questions[this.#memory.at];
  }

  /** What is recorded now, and of how many seconds what it would replace is. */
  get #answered() {
    const { id } = this.#question;
    const answer = own(this.#answers, id);
    const isGood = answer && answer.status !== "failed" && !answer.no_speech;
    return { session: this.#memory.session, question: id, replaces: isGood ? (answer.duration_seconds ?? true) : false };
  }

  get #isLast() {
    return this.#memory.at === this.#memory.questions.length - 1;
  }

  #build() {
    this.offline = h("p.offline", { role: "status" });
    this.done = h("span.done");
    const title = h("h2", { id: "so-far" }, "Your answers ", this.done);
    return h(
      "div.stage.two",
      {},
      h("div.stage", {}, this.offline, this.card.element),
      h("section.card.aside", { "aria-labelledby": "so-far" }, title, this.standings.element),
    );
  }

  #show() {
    const { questions, at } = this.#memory;
    const { id } = this.#question;
    const { count, heading, record, back, next } = this.card;
    const state = this.#recorder.state;
    const isOn = state === "recording";
    count.textContent = `Question ${at + 1} of ${questions.length}`;
    showQuestion(heading, this.#question);
    record.textContent = isOn ? "Stop" : this.#isAsking ? "Cancel" : this.#has(id) ? "Record again" : "Record";
    const isBusy = (state === "asking" && !this.#isAsking) || state === "saving";
    record.setAttribute("aria-disabled", String(isBusy || (!isOn && Boolean(this.#why))));
    record.classList.toggle("on", isOn);
    this.element.classList.toggle("on", isOn);
    back.disabled = at === 0;
    next.textContent = this.#isLast ? "Finish" : "Next";
    this.standings.point(id);
    this.card.heard.show(isOn, own(this.#heard, id) ?? null, own(this.#now, id) ?? "");
    for (const question of questions) this.#showStanding(question.id, isOn && question.id === id);
    this.done.textContent = `${questions.length - this.#open().length} of ${questions.length}`;
    this.#showHeld(this.locals.held(id));
    const notices = [this.locals.isElsewhere(id) && ELSEWHERE, !this.#recorder.isDurable && NOT_DURABLE];
    write(this.card.notice, notices.filter(Boolean).join(" "));
    if (this.#why) this.#hint(`${this.#why.detail} You can upload a file instead.`);
  }

  /** @param {string} id @param {boolean} isLive */
  #showStanding(id, isLive) {
    const elsewhere = this.locals.isElsewhere(id);
    const local = isLive || elsewhere ? { state: "live", elsewhere } : this.locals.newest(id);
    this.standings.show(id, local, own(this.#answers, id), this.locals.held(id));
  }

  /** @param {import("../recorder.js").Recording[]} held */
  #showHeld(held) {
    const shown = [...this.card.held.children].map((/** @type {any} */ one) => one.dataset.held).join();
    if (held.map(({ id }) => id).join() !== shown) this.card.held.replaceChildren(...held.map((one) => heldNotice(one, this.#recorder)));
  }

  /** What can be done with one that was refused. @param {import("../recorder.js").Recording} recording */
  #choices({ id }) {
    return [
      h("button.quiet.small", { type: "button", onclick: () => this.#recorder.retry(id) }, "Try again"),
      h("button.quiet.small", { type: "button", onclick: () => this.#recorder.discard(id) }, "Discard"),
    ];
  }

  /** @param {string} id */
  #has(id) {
    return Boolean(own(this.#answers, id) || this.locals.newest(id));
  }

  #open() {
    return openQuestions(this.#memory.questions, (id) => this.#has(id));
  }

  async #toggle() {
    if (this.card.record.getAttribute("aria-disabled") === "true") return;
    this.#hint("");
    complain();
    const { state } = this.#recorder;
    if (state === "recording" || this.#isAsking) {
      await this.#recorder.stop();
      return;
    }
    try {
      await this.#recorder.start(this.#answered);
      if (this.#recorder.state === "recording") announce("Recording.");
    } catch (trouble) {
      this.#hint(`${/** @type {Error} */ (trouble).message} You can upload a file instead.`);
    }
  }

  /** The browser has asked for a while whether the microphone may be used, or does so no longer. @param {boolean} is */
  #ask(is) {
    this.#isAsking = is;
    this.#hint(is ? ASKING : "");
    this.#show();
  }

  /** Never waits: what is recorded is kept and sent behind the next question. @param {number} step */
  #go(step) {
    if (step > 0 && this.#isLast) this.#finish().catch(reportError);
    else this.#jump(this.#memory.at + step);
  }

  /** @param {number} at */
  #jump(at) {
    this.#recorder.stop().catch(reportError);
    this.#memory.at = at;
    this.#told.moved(at);
    this.#clear();
    this.#show();
    this.focus();
  }

  async #finish() {
    await this.#recorder.stop().catch(reportError);
    const waiting = this.#isOffline ? this.locals.waiting() : 0;
    const chosen = await whetherToFinish(this.#open(), this.#memory.questions, waiting, this.locals.undecided());
    if (chosen === "finish") this.#told.finish();
    else if (typeof chosen === "number") this.#jump(chosen);
  }

  /** @param {File} file */
  async #attach(file) {
    await this.#recorder
      .addFile({ ...this.#answered, file })
      .then(() => announce(`${file.name} is kept and will be sent.`))
      .catch((/** @type {Error} */ trouble) => this.#hint(trouble.message));
  }

  /** How much of what is recorded now is at the server. @param {import("../recorder.js").Stored} detail */
  #meter({ session, question, storedSeconds }) {
    const isShown = this.#recorder.state === "recording" && session === this.#memory.session && question === this.#question.id;
    this.card.stored.hidden = !isShown;
    if (isShown) write(this.card.stored, `${clock(storedSeconds)} safely stored`);
  }

  /** @param {Parameters<typeof endedOf>[0]} detail */
  #ended(detail) {
    const words = endedOf(detail);
    if (!words) return;
    if (detail.recording?.question === this.#question.id) this.#clear(words);
    else announce(words);
  }

  #clear(words = "") {
    clear(this.card, this.#canvas, this.#sound.maxDuration);
    this.#hint(words);
  }

  /** @param {string} text */
  #hint(text) {
    write(this.card.hint, text);
  }

  /** @param {import("../recorder.js").RecordingEvent} event */
  #follow(event) {
    const wasHeld = this.locals.held(event.question).some(({ id }) => id === event.id);
    if (!this.locals.follow(event)) return;
    if (wasHeld && event.state !== "held" && event.question === this.#question.id) this.#hint("");
    if (event.state === "accepted") this.#told.sent();
    if (event.recovered && event.state !== "held" && event.question === this.#question.id) this.#hint(cutOffOf(event));
    this.#show();
  }
}

/**
 * The answers, where what is still being recorded replaces none.
 * @param {Record<string, any>} answers
 * @param {Record<string, any>} before
 */
function withoutLive(answers, before) {
  const settled = Object.entries(answers).map(([id, answer]) => [id, answer.stage === "recording" ? own(before, id) : answer]);
  return Object.fromEntries(settled.filter(([, answer]) => answer));
}

/** Only where it changes: what is live is read again otherwise. @param {HTMLElement} place @param {string} words */
function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}
