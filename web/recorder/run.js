/**
 * One run of the microphone, for an answer or for a test of it: time, level, limit, and the end with its reason.
 *
 * @typedef {import("../recorder.js").Problem} Problem
 * @typedef {import("../recorder.js").EndReason} EndReason
 * @typedef {{ reason: EndReason, trouble: Problem | null, seconds: number }} End
 */

import { keepAwake } from "./awake.js";
import { Clock } from "./clock.js";
import { listenForQuiet, Meter } from "./level.js";
import { Limit } from "./limit.js";
import { capture } from "./microphone.js";
import { problem } from "./words.js";

const TICK = 250;

export class Run {
  #clock;
  #limit;
  #given;
  #told;
  #stop;
  #sleep;
  /** @type {Meter | null} */
  #meter = null;
  #ticking;
  /** @type {EndReason | null} */
  #reason = null;
  /** @type {(end: End) => void} */
  #end = () => {};
  /** @type {Promise<End>} */
  ended = new Promise((resolve) => (this.#end = resolve));

  /**
   * @param {MediaStream} stream
   * @param {ConstructorParameters<typeof Limit>[0] & { type: string, bitsPerSecond: number, timeslice?: number, canvas?: HTMLCanvasElement | null }} given
   * @param {(type: "time" | "level" | "quiet" | "limit" | "error", detail: object) => void} told
   * @param {{ onStart: (type: string) => void, onChunk: (chunk: Blob, seconds: number) => void }} made
   */
  constructor(stream, given, told, { onStart, onChunk }) {
    this.#given = given;
    this.#told = told;
    this.#clock = new Clock(2 * (given.timeslice ?? 0));
    this.#limit = new Limit(given);
    this.#stop = capture(stream, given, {
      onStart,
      onChunk: (chunk) => {
        this.#tick(); // timers of a page that is not seen may run once a minute; what is recorded comes all the same
        onChunk(chunk, this.seconds);
      },
      onEnd: (trouble) => this.#finish(trouble),
    });
    this.#sleep = keepAwake();
    this.#meter = this.#measure(stream);
    this.#ticking = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  get seconds() {
    return this.#clock.seconds;
  }

  /** @param {EndReason} reason */
  stop(reason) {
    this.#reason ??= reason;
    this.#stop();
  }

  /** Put the end off by one step; false where that may not be done. */
  extend() {
    const isLater = this.#limit.extend();
    if (isLater) this.#tellTime();
    return isLater;
  }

  #tick() {
    if (this.#clock.beat()) this.#told("error", problem("slept"));
    const remaining = this.#tellTime();
    if (remaining <= 0) this.stop("limit");
    else if (this.#limit.warns(remaining)) this.#told("limit", { remaining, canExtend: this.#limit.canExtend });
  }

  #tellTime() {
    const elapsed = Math.min(this.seconds, this.#limit.seconds);
    const remaining = this.#limit.seconds - elapsed;
    this.#told("time", { elapsed, remaining });
    return remaining;
  }

  /** @param {MediaStream} stream */
  #measure(stream) {
    const hear = listenForQuiet((quiet) => this.#told("quiet", { quiet }));
    try {
      return new Meter(stream, this.#given.canvas, (level) => {
        hear(level);
        if (level !== null) this.#told("level", { level });
      });
    } catch {
      this.#told("error", problem("level_failed")); // it is recorded all the same
      return null;
    }
  }

  /** @param {Problem | null} trouble */
  #finish(trouble) {
    clearInterval(this.#ticking);
    this.#meter?.close();
    this.#sleep();
    const reason = /** @type {EndReason} */ (trouble?.code ?? this.#reason ?? "stopped");
    this.#end({ reason, trouble, seconds: this.seconds });
  }
}
