/** The second step: one question after the other, and nobody waits. */

import { own } from "../own.js";
import { isSupported } from "../recorder.js";
import { announce, clock, complain, h } from "./dom.js";
import { Standings } from "./standing.js";

/** What file pickers offer; not every system knows each of these endings as audio. */
const ACCEPTED =
  "audio/*,video/webm,video/mp4,video/3gpp,.webm,.mka,.mkv,.ogg,.oga,.opus,.spx,.wav,.mp3,.mp2,.mp4,.m4a,.3gp,.3g2,.mov,.flac,.aac,.amr,.awb,.caf,.aiff,.aif,.aifc,.au,.snd,.w64,.wma";
const SOON_SECONDS = 10;
const QUIET = "Nothing can be heard. Is the right microphone chosen, and not muted?";

export class Interview {
  #memory;
  #finish;
  #moved;
  #sent;
  #recorder;
  #maxDuration;
  #leaving = new AbortController();
  #answers = /** @type {Record<string, any>} */ ({});
  #locals = /** @type {Map<string, any>} */ (new Map());
  #wasTold = new Set();
  #isSaidSoon = false;

  /**
   * @param {{ session: string, questions: import("./remember.js").Question[], at: number }} memory
   * @param {{ recorder: import("../recorder.js").Recorder, canvas: HTMLCanvasElement, maxDuration: number }} sound
   * @param {{ finish: () => void, moved: (at: number) => void, sent: () => void }} told
   */
  constructor(memory, { recorder, canvas, maxDuration }, { finish, moved, sent }) {
    this.#memory = memory;
    this.#recorder = recorder;
    this.#maxDuration = maxDuration;
    this.#finish = finish;
    this.#moved = moved;
    this.#sent = sent;
    this.standings = new Standings(memory.questions, {
      retry: (id) => recorder.retry(id),
      discard: (id) => recorder.discard(id),
    });
    this.element = this.#build(canvas);
    this.#subscribe();
    this.#recall();
    this.#show();
  }

  focus() {
    this.heading.focus();
  }

  /**
   * What the server says of the answers.
   * @param {{ answers: Record<string, any> }} status
   */
  update({ answers }) {
    this.#answers = answers;
    this.#memory.questions.forEach(({ id }, at) => {
      const { status, take } = own(answers, id) ?? {};
      const news = `${id}.${take}.${status}`;
      if ((status === "completed" || status === "failed") && !this.#wasTold.has(news)) {
        this.#wasTold.add(news);
        announce(`Answer ${at + 1} is ${status === "completed" ? "transcribed" : "not transcribed: it failed"}.`);
      }
    });
    this.#show();
  }

  close() {
    this.#leaving.abort();
  }

  #subscribe() {
    const { signal } = this.#leaving;
    this.#recorder.addEventListener("state", () => this.#show(), { signal });
    this.#recorder.addEventListener("time", ({ detail }) => this.#tick(detail), { signal });
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

  /** @param {HTMLCanvasElement} canvas */
  #build(canvas) {
    this.count = h("p.count");
    this.heading = h("h1.asked", { tabindex: -1 });
    this.time = h("span.time", { role: "timer", "aria-label": "Time" }, "0:00");
    this.limit = h("span.limit", {}, ` / ${clock(this.#maxDuration)}`);
    this.hint = h("p.hint", { role: "status" });
    this.record = h("button.record", { type: "button", onclick: () => this.#toggle() }, "Record");
    this.back = h("button.quiet", { type: "button", onclick: () => this.#go(-1) }, "Back");
    this.next = h("button.primary", { type: "button", onclick: () => this.#go(1) }, "Next");
    this.file = h("input.unseen", { type: "file", accept: ACCEPTED, id: "file", onchange: () => this.#attach() });
    return h(
      "div.stage.two",
      {},
      h(
        "section.card.talk",
        { "aria-label": "Question" },
        this.count,
        this.heading,
        h("div.scope", {}, canvas, h("p.clock", {}, this.time, this.limit)),
        h("div.row", {}, this.record, this.file, h("label.button.quiet", { for: "file" }, "Upload a file instead")),
        this.hint,
        h("div.row.ends", {}, this.back, h("span.grow"), this.next),
      ),
      h("section.card.aside", { "aria-labelledby": "so-far" }, h("h2", { id: "so-far" }, "Your answers"), this.standings.element),
    );
  }

  #show() {
    const { id, text } = this.#question;
    const state = this.#recorder.state;
    const isOn = state === "recording";
    const isThere = Boolean(own(this.#answers, id) || this.#locals.has(id));
    this.count.textContent = `Question ${this.#memory.at + 1} of ${this.#memory.questions.length}`;
    if (this.heading.textContent !== text) this.heading.textContent = text;
    this.record.textContent = isOn ? "Stop" : isThere ? "Record again" : "Record";
    this.record.disabled = state === "asking" || (!isOn && !isSupported());
    this.record.classList.toggle("on", isOn);
    this.element.classList.toggle("on", isOn);
    this.back.disabled = this.#memory.at === 0;
    this.next.textContent = this.#isLast ? "Finish" : "Next";
    this.standings.point(id);
    for (const question of this.#memory.questions) {
      const live = isOn && question.id === id ? { state: "live" } : this.#locals.get(question.id);
      this.standings.show(question.id, live, own(this.#answers, question.id));
    }
  }

  async #toggle() {
    this.#hint("");
    complain();
    if (this.#recorder.state === "recording") {
      await this.#recorder.stop();
      announce("Recorded.");
      return;
    }
    this.#isSaidSoon = false;
    try {
      await this.#recorder.start({ session: this.#memory.session, question: this.#question.id });
      announce("Recording.");
    } catch (trouble) {
      this.#hint(`${/** @type {Error} */ (trouble).message} You can upload a file instead.`);
    }
  }

  /** Never waits: what is recorded is kept and sent behind the next question. */
  #go(/** @type {number} */ step) {
    const stopped = this.#recorder.stop();
    this.#hint("");
    if (step > 0 && this.#isLast) {
      stopped.finally(() => this.#finish());
      return;
    }
    this.#memory.at += step;
    this.#moved(this.#memory.at);
    this.#tick({ elapsed: 0, remaining: this.#maxDuration });
    this.#show();
    this.focus();
  }

  async #attach() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    await this.#recorder
      .addFile({ session: this.#memory.session, question: this.#question.id, file })
      .then(() => announce(`${file.name} is kept and will be sent.`))
      .catch((/** @type {Error} */ trouble) => this.#hint(trouble.message));
  }

  /** @param {{ elapsed: number, remaining: number }} time */
  #tick({ elapsed, remaining }) {
    this.time.textContent = clock(elapsed);
    if (remaining <= SOON_SECONDS && !this.#isSaidSoon) {
      this.#isSaidSoon = true;
      announce(`${SOON_SECONDS} seconds left.`);
    }
  }

  /** @param {string} text */
  #hint(text) {
    this.hint.textContent = text;
  }

  /** @param {import("../recorder.js").RecordingEvent} event */
  #follow(event) {
    if (event.session !== this.#memory.session) return;
    const known = this.#locals.get(event.question);
    if (known && known.startedAt > event.startedAt) return; // of an earlier take
    if (event.state === "discarded") this.#locals.delete(event.question);
    else this.#locals.set(event.question, event);
    if (event.state === "accepted") this.#sent();
    this.#show();
  }

  async #recall() {
    const kept = await this.#recorder.recordings().catch(() => []);
    for (const one of kept) this.#follow(one);
  }
}

