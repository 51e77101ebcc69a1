/** One line for each answer: where it is between the microphone and its transcript. */

import { own } from "../own.js";
import { h } from "./dom.js";
import { OF_ANSWER, languageOf } from "./doubts.js";

const SERVER = /** @type {Record<string, [string, string]>} */ ({
  queued: ["busy", "In line"],
  processing: ["busy", "Transcribing"],
  completed: ["good", "Transcribed"],
  failed: ["bad", "Failed"],
});

/**
 * The kind and the words for an answer: what is still here goes before what the server knows.
 * @param {any} local the newest event of its recording, if there is one
 * @param {any} answer the server's, if there is one
 * @returns {[string, string]}
 */
export function standingOf(local, answer) {
  if (local?.state === "live") return ["live", "Recording"];
  if (local?.state === "sending") return ["busy", `Sending ${Math.round(100 * (local.progress ?? 0))} %`];
  if (local?.state === "refused") return ["bad", "Not taken"];
  if (local?.state === "kept") return ["busy", local.problem ? "Kept here, will be sent" : "Kept"];
  if (answer) return own(SERVER, answer.status) ?? ["busy", answer.status];
  return local?.state === "accepted" ? ["busy", "Sent"] : ["none", "Open"];
}

export class Standings {
  /** @type {Map<string, any>} */
  #rows = new Map();

  /**
   * @param {import("./remember.js").Question[]} questions
   * @param {{ retry: (id: string) => void, discard: (id: string) => void }} acts
   */
  constructor(questions, acts) {
    this.acts = acts;
    this.element = h("ol.standings");
    questions.forEach((question, at) => {
      const row = h("li", { "data-question": question.id }, h("span.name", {}, `${at + 1}. ${question.text}`), h("span.pill"), h("p.said"), h("p.hint"));
      this.#rows.set(question.id, row);
      this.element.append(row);
    });
  }

  /**
   * @param {string} id
   * @param {any} local
   * @param {any} answer
   */
  show(id, local, answer) {
    const row = this.#rows.get(id);
    if (!row) return;
    const [kind, words] = standingOf(local, answer);
    const [, pill, said, doubt] = row.children;
    pill.className = `pill ${kind}`;
    if (pill.textContent !== words) pill.textContent = words;
    const isSettled = !local || local.state === "accepted" || local.state === "discarded";
    const shown = isSettled ? saidOf(answer) : local.state === "refused" || local.problem ? local.problem.detail : "";
    if (said.firstChild?.textContent !== shown || (local?.state === "refused") !== Boolean(said.querySelector("button"))) {
      said.replaceChildren(shown, ...(local?.state === "refused" ? this.#choices(local.id) : []));
    }
    const doubted = isSettled ? doubtOf(answer) : "";
    if (doubt.textContent !== doubted) doubt.textContent = doubted;
  }

  /** @param {string | null} id */
  point(id) {
    for (const [key, row] of this.#rows) {
      if (key === id) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    }
  }

  /** @param {string} id */
  #choices(id) {
    return [
      h("button.quiet.small", { type: "button", onclick: () => this.acts.retry(id) }, "Try again"),
      h("button.quiet.small", { type: "button", onclick: () => this.acts.discard(id) }, "Discard"),
    ];
  }
}

/** @param {any} answer */
export function saidOf(answer) {
  if (answer?.status === "failed") return answer.error?.sentence ?? "It could not be transcribed.";
  if (answer?.status !== "completed") return "";
  return answer.no_speech ? "Nobody speaks in this recording." : answer.transcript;
}


/** Why not to believe all of what was written down, in words. @param {any} answer */
export function doubtOf(answer) {
  const words = [OF_ANSWER[answer?.speech_verdict], languageOf(answer)].filter(Boolean).join(" ");
  return words ? `⚠ ${words}` : "";
}
