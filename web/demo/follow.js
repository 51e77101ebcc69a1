/**
 * How far the answers of a session are: pushed where the server pushes, asked for where it does not.
 *
 * A pushed event is a hint; what is told is always the record, read with its ETag.
 */

import { BASE, Problem } from "../call.js";
import { backoff } from "../recorder/backoff.js";

const OF_ANSWERS = ["queued", "processing", "completed", "failed", "scored", "dropped"];
const EVENTS = ["snapshot", "utterance", "end", ...OF_ANSWERS.map((name) => `answer.${name}`)];
const PENDING_SECONDS = 1.5;
const CALM_SECONDS = 10;
const TOGETHER_MILLISECONDS = 100;
/** @type {import("../answers.d.ts").Expected} */
const STATUS = { 200: { session_id: "string", summary: "object", answers: "object" }, 304: null };
/** @type {import("../answers.d.ts").Expected} */
const TICKET = { 201: { ticket: "string" } };

export class Follower {
  #api;
  #session;
  #told;
  #etag = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {EventSource | null} */
  #source = null;
  #failures = 0;
  #silences = 0;
  #isClosed = false;
  #isPending = true;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} session
   * @param {{ status: (status: any) => void, trouble: (problem: Problem | null) => void, interim: (said: any) => void }} told
   *   `interim` tells what is being said right now, which no record has; `trouble` tells why nothing is known at the moment; null once something is known again
   */
  constructor(api, session, told) {
    this.#api = api;
    this.#session = session;
    this.#told = told;
    this.#look();
    this.#listen();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  /** Look again soon. */
  hint = () => this.#later(TOGETHER_MILLISECONDS);

  async #look() {
    clearTimeout(this.#timer);
    try {
      /** @type {Record<string, string>} */
      const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
      const path = `/api/transcription-status/${encodeURIComponent(this.#session)}`;
      const answer = await this.#api.call("GET", path, { gives: STATUS, headers });
      if (!this.#isClosed) this.#hear(answer);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.#later(backoff((this.#failures += 1), null));
      if (!this.#isClosed) this.#told.trouble(problem);
    }
  }

  /** @param {{ status: number, headers: Headers, body: any }} answer */
  #hear(answer) {
    this.#failures = 0;
    this.#told.trouble(null);
    if (answer.status === 200) this.#show(answer);
    const isPushed = this.#source?.readyState === EventSource.OPEN;
    this.#later(1000 * (this.#isPending && !isPushed ? PENDING_SECONDS : CALM_SECONDS));
  }

  /** @param {{ headers: Headers, body: any }} answer */
  #show({ headers, body }) {
    this.#etag = headers.get("ETag") ?? "";
    const { queued, processing, not_answered: missing } = body.summary;
    this.#isPending = queued + processing + missing > 0;
    this.#told.status(body);
  }

  /** @param {number} milliseconds */
  #later(milliseconds) {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  async #listen() {
    const base = `/api/sessions/${encodeURIComponent(this.#session)}`;
    try {
      const { body } = await this.#api.call("POST", `${base}/tickets`, { gives: TICKET });
      if (!this.#isClosed) this.#attach(new EventSource(`${BASE}${base}/events?ticket=${encodeURIComponent(body.ticket)}`));
    } catch (problem) {
      if (problem instanceof Problem && problem.isPassing) this.#listenAgain();
    }
  }

  /** @param {EventSource} source */
  #attach(source) {
    this.#source = source;
    source.onopen = () => (this.#silences = 0);
    for (const name of EVENTS) source.addEventListener(name, this.hint);
    source.addEventListener("interim", ({ data }) => this.#isClosed || this.#told.interim(JSON.parse(data)));
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      this.#source = null;
      this.#listenAgain(); // the ticket has run out
    };
  }

  #listenAgain() {
    if (!this.#isClosed) setTimeout(() => this.#isClosed || this.#listen(), backoff((this.#silences += 1), null));
  }
}
