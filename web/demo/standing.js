/** One row for each answer: where it is between the microphone and its transcript. */

import { own } from "../own.js";
import { h } from "./dom.js";
import { OF_ANSWER, languageOf } from "./doubts.js";

const HERE = ["kept", "sending", "refused", "live"];
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
  if (local?.state === "live") return ["live", local.elsewhere ? "Recording in another tab" : "Recording"];
  if (local?.state === "sending") return ["busy", sendingOf(local.progress ?? 0)];
  if (local?.state === "refused") return ["bad", "Not taken"];
  if (local?.state === "kept") return ["busy", keptOf(local)];
  if (answer) return own(SERVER, answer.status) ?? ["busy", String(answer.status)];
  return local?.state === "accepted" ? ["busy", "Sent"] : ["none", "Open"];
}

/** @param {number} progress */
const sendingOf = (progress) => (progress < 1 ? `Sending ${Math.floor(100 * progress)} %` : "Waiting for the server");

/** Never more than is so: what only the page's memory holds is not kept. @param {any} local */
function keptOf({ problem, durable }) {
  if (durable === false) return "In this page only";
  return problem ? "Kept here, will be sent" : "Kept";
}

export class Standings {
  /** @type {Map<string, any>} */
  #rows = new Map();

  /**
   * @param {import("./remember.js").Question[]} questions
   * @param {{ go: (at: number) => void, choices: (recording: any) => Node[] }} acts
   */
  constructor(questions, acts) {
    this.acts = acts;
    this.element = h("ol.standings");
    questions.forEach((question, at) => {
      const name = h("button.name", { type: "button", onclick: () => acts.go(at) }, `${at + 1}. `, h("bdi", { lang: question.language }, question.text));
      const row = h("li", { "data-question": question.id }, name, h("span.pill"), h("p.said", { dir: "auto" }), h("p.hint"), h("div.row.acts"));
      this.#rows.set(question.id, row);
      this.element.append(row);
    });
  }

  /**
   * @param {string} id
   * @param {any} local the newest recording that goes on its way
   * @param {any} answer the server's
   * @param {any[]} held recordings that wait for the candidate's word
   */
  show(id, local, answer, held) {
    const row = this.#rows.get(id);
    if (!row) return;
    const [, pill, said, doubt, acts] = row.children;
    const [kind, words] = standingOf(local, answer);
    pill.className = `pill ${kind}`;
    write(pill, words);
    const isHere = local && HERE.includes(local.state);
    write(said, isHere ? (local.problem?.detail ?? "") : saidOf(answer));
    tell(said, "lang", isHere ? null : languageCode(answer));
    write(doubt, held.length ? "⚠ A recording of it waits for your word." : isHere ? "" : doubtOf(answer));
    const refused = local?.state === "refused" ? local : null;
    if (acts.dataset.of === (refused?.id ?? "")) return;
    acts.dataset.of = refused?.id ?? "";
    acts.replaceChildren(...(refused ? this.acts.choices(refused) : []));
  }

  /** @param {string} id */
  point(id) {
    for (const [key, row] of this.#rows) tell(row, "aria-current", key === id ? "step" : null);
  }
}

/** @param {Element} place @param {string} words */
function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

/** @param {Element} place @param {string} name @param {string | null} value */
function tell(place, name, value) {
  if (value === null) place.removeAttribute(name);
  else if (place.getAttribute(name) !== value) place.setAttribute(name, value);
}

/** The language that the transcript is written in, for who reads it aloud. @param {any} answer */
export const languageCode = (answer) => (answer?.status === "completed" && !answer.no_speech && answer.language) || null;

/** @param {any} answer */
export function saidOf(answer) {
  if (answer?.status === "failed") return answer.error?.sentence ?? "It could not be transcribed.";
  if (answer?.status !== "completed") return "";
  return answer.no_speech ? "Nobody speaks in this recording." : answer.transcript;
}

/** Why not to believe all of what was written down, in words. @param {any} answer */
export function doubtOf(answer) {
  const words = [own(OF_ANSWER, String(answer?.speech_verdict)), languageOf(answer)].filter(Boolean).join(" ");
  return words ? `⚠ ${words}` : "";
}
