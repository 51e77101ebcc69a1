/** The second step: one question after the other, and nobody waits. */

import { own } from "../own.js";
import { isSupported } from "../recorder.js";
import { announce, complain, h } from "./dom.js";
import { openQuestions, whetherToFinish } from "./finish.js";
import { Limit } from "./limit.js";
import { choicesOf, Locals } from "./locals.js";
import { Standings } from "./standing.js";
import { clear, showQuestion, talkCard } from "./talk.js";

const QUIET = "Nothing can be heard. Is the right microphone chosen, and not muted?";
const UNSUPPORTED = "This browser cannot record sound: it has no MediaRecorder, or the page is not on https. You can upload a file instead.";

export class Interview {
  #memory;
  #told;
  #recorder;
  #canvas;
  #leaving = new AbortController();
  #answers = /** @type {Record<string, any>} */ ({});
  #wasTold = new Set();
  #isOffline = false;

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
    this.locals = new Locals(memory.session, sound.recorder);
    this.standings = new Standings(memory.questions, {
      go: (at) => this.#jump(at),
      choices: (one) => choicesOf(one, sound.recorder),
    });
    const acts = {
      record: () => this.#toggle(),
      extend: () => this.limit.extend(),
      go: (/** @type {number} */ step) => this.#go(step),
      attach: (/** @type {File} */ file) => this.#attach(file),
    };
    this.card = talkCard(sound.canvas, acts, sound.microphones());
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
    this.#answers = answers;
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
   * Why the server is not heard at the moment; null where it is.
   * @param {import("../call.js").Problem | null} problem
   */
  trouble(problem) {
    this.#isOffline = problem !== null;
    const words = problem ? `${problem.message} Go on: what you record is kept here until it can be sent.` : "";
    if (this.offline.textContent !== words) this.offline.textContent = words;
  }

  close() {
    this.#leaving.abort();
  }

  #subscribe() {
    const { signal } = this.#leaving;
    this.#recorder.addEventListener("state", () => this.#show(), { signal });
    this.#recorder.addEventListener("time", ({ detail }) => this.limit.tick(detail), { signal });
    this.#recorder.addEventListener("quiet", ({ detail }) => this.#hint(detail.quiet ? QUIET : ""), { signal });
    this.#recorder.addEventListener("error", ({ detail }) => this.#hint(detail.detail), { signal });
    this.#recorder.addEventListener("recording", ({ detail }) => this.#follow(detail), { signal });
  }

  get #question() {
    return this.#memory.questions[this.#memory.at];
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
    record.textContent = isOn ? "Stop" : this.#has(id) ? "Record again" : "Record";
    record.setAttribute("aria-disabled", String(state === "asking" || state === "saving" || (!isOn && !isSupported())));
    record.classList.toggle("on", isOn);
    this.element.classList.toggle("on", isOn);
    back.disabled = at === 0;
    next.textContent = this.#isLast ? "Finish" : "Next";
    this.standings.point(id);
    for (const question of questions) {
      const live = isOn && question.id === id ? { state: "live" } : this.locals.newest(question.id);
      this.standings.show(question.id, live, own(this.#answers, question.id), this.locals.held(question.id));
    }
    this.done.textContent = `${questions.length - this.#open().length} of ${questions.length}`;
    if (!isSupported()) this.#hint(UNSUPPORTED);
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
    if (this.#recorder.state === "recording") {
      await this.#recorder.stop();
      return;
    }
    this.limit.begin();
    try {
      await this.#recorder.start({ session: this.#memory.session, question: this.#question.id });
      announce("Recording.");
    } catch (trouble) {
      this.#hint(`${/** @type {Error} */ (trouble).message} You can upload a file instead.`);
    }
  }

  /** Never waits: what is recorded is kept and sent behind the next question. @param {number} step */
  #go(step) {
    if (step > 0 && this.#isLast) this.#finish().catch(reportError);
    else this.#jump(this.#memory.at + step);
  }

  /** @param {number} at */
  #jump(at) {
    this.#recorder.stop().catch(reportError);
    this.#hint("");
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
      .addFile({ session: this.#memory.session, question: this.#question.id, file })
      .then(() => announce(`${file.name} is kept and will be sent.`))
      .catch((/** @type {Error} */ trouble) => this.#hint(trouble.message));
  }

  #clear() {
    clear(this.card, this.#canvas, this.limit.longest);
  }

  /** @param {string} text */
  #hint(text) {
    if (this.card.hint.textContent !== text) this.card.hint.textContent = text;
  }

  /** @param {import("../recorder.js").RecordingEvent} event */
  #follow(event) {
    if (!this.locals.follow(event)) return;
    if (event.state === "accepted") this.#told.sent();
    this.#show();
  }
}
