/** What is still in this browser: every recording that no server has, whatever interview and whatever guest it is of. */

import { ask } from "./ask.js";
import { LANGUAGE, clock, h } from "./dom.js";
import { listenButton } from "./listen.js";
import { recall } from "./remember.js";
import { whenSound } from "./sound.js";

const KIND = /** @type {Record<string, string>} */ ({
  kept: "It waits to be sent.",
  held: "It does not count unless you use it.",
  refused: "The server did not take it.",
});
const TIME = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "long" }); // with its zone
const UNITS = ["byte", "kilobyte", "megabyte"];

export class Here {
  /** @type {import("../recorder.js").Recorder | null} */
  #recorder = null;
  #leaving = new AbortController();
  #shown = "";

  /** @param {HTMLElement} place a `details` with its summary */
  constructor(place) {
    this.summary = h("summary", {}, "In this browser");
    this.list = h("ol.here-list");
    place.replaceChildren(this.summary, h("p.hint", {}, "Recordings that no server has yet stay here. Nobody else is given them; whoever may use this browser may listen to them."), this.list);
    whenSound(({ recorder }) => this.#follow(recorder));
    addEventListener("visibilitychange", () => this.look());
  }

  /** Look anew. */
  async look() {
    const all = (await this.#recorder?.recordings({ everyone: true })) ?? [];
    const shown = JSON.stringify(all.map(({ id, state, problem }) => [id, state, problem]));
    if (shown === this.#shown && this.summary.textContent !== "In this browser") return;
    this.#shown = shown;
    this.summary.textContent = `In this browser: ${all.length || "no"} recording${all.length === 1 ? "" : "s"}`;
    this.list.replaceChildren(...all.map((one) => this.#item(one)));
  }

  /** @param {import("../recorder.js").Recorder} recorder */
  #follow(recorder) {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#recorder = recorder;
    const look = () => this.look().catch(reportError);
    recorder.addEventListener("recording", ({ detail }) => detail.state === "sending" || look(), { signal: this.#leaving.signal });
    look();
  }

  /** @param {import("../recorder.js").Recording} recording */
  #item(recording) {
    const { id, state, startedAt, seconds, bytes, durable, problem, recovered } = recording;
    const of = `the recording of ${TIME.format(startedAt)}`;
    const act = (/** @type {string} */ words, /** @type {() => Promise<unknown> | undefined} */ does) =>
      h("button.quiet.small", { type: "button", "aria-label": `${words}: ${of}`, onclick: () => does()?.catch(reportError) }, words);
    const again = state === "held" ? act("Use it", () => this.#again("confirm", id)) : act("Try again", () => this.#again("retry", id));
    const facts = [TIME.format(startedAt), seconds ? clock(seconds) : "", sizeOf(bytes), recovered ? "a fragment" : ""].filter(Boolean).join(" · ");
    return h(
      "li",
      { "data-recording": id },
      h("p.name", {}, h("bdi", {}, questionOf(recording))),
      h("p.hint", {}, facts),
      h("p", {}, KIND[state], problem && ` ${problem.detail}`, durable === false && " Only this page holds it: it is gone when the page is closed."),
      h("div.row", {}, listenButton(async () => (await this.#recorder?.audio(id)) ?? null, of), again, act("Delete", () => this.#delete(id, of))),
    );
  }

  /** @param {"confirm" | "retry"} how @param {string} id */
  async #again(how, id) {
    await this.#recorder?.[how](id);
    await this.look();
    this.summary.focus();
  }

  /** @param {string} id @param {string} of */
  async #delete(id, of) {
    const choices = /** @type {[string, boolean][]} */ ([["Delete it for ever", true], ["Keep it", false]]);
    if (!(await ask("Delete the recording?", [`There is no other copy of ${of}.`], choices))) return;
    await this.#recorder?.discard(id);
    await this.look();
    this.summary.focus();
  }
}

/** @param {import("../recorder.js").Recording} recording */
function questionOf({ session, question }) {
  const known = recall();
  const asked = known.session === session ? known.questions?.find(({ id }) => id === question) : undefined;
  return asked?.text ?? `An earlier interview, question ${question}`;
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const style = /** @type {const} */ ({ style: "unit", unit: UNITS[step], unitDisplay: "short", maximumFractionDigits: step && 1 });
  return new Intl.NumberFormat(LANGUAGE, style).format(bytes / 1000 ** step);
}
