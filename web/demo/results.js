/** The third step: the scores, and the words that they rest on. */

import { own } from "../own.js";
import { clock, h } from "./dom.js";
import { doubts } from "./doubts.js";
import { pieces } from "./quotes.js";
import { doubtOf, languageCode, saidOf } from "./standing.js";

const NO_SCORE = /** @type {Record<string, string>} */ ({
  no_speech: "Nobody speaks in this recording.",
  no_key_points: "The question names no points to judge by.",
  nothing_to_score: "The question says nothing of what a good answer is.",
  insufficient_evidence: "None of the points was found in what was said. That is no low score: it may be said in other words.",
  needs_review: "Most of what was found shares no word with the points. A person has to judge this answer.",
  too_little_usable: "Too little of what was said could be understood to judge it. That is no low score.",
  scorer_refused: "The scorer refused to judge this answer.",
});

/**
 * @param {any} result
 * @param {import("../recorder.js").Recording[]} refused
 * @param {import("./remember.js").Question[]} asked
 * @param {{ anew: () => void, back: () => void }} ways
 */
export function resultsView(result, refused, asked, { anew, back }) {
  const { final_score: score, scored_count: count, answers, not_answered: missing } = result;
  const gone = answers.filter((/** @type {any} */ answer) => answer.file_id === null).length;
  return h(
    "div.stage",
    {},
    h(
      "section.card.total",
      { "aria-labelledby": "total" },
      dial(score),
      h(
        "div",
        {},
        h("h1", { tabindex: -1, id: "total" }, score === null ? "There is nothing to score." : `${round(score)} of 100`),
        count > 0 && h("p.lead", {}, `${counted(count, "answer")} scored. Each point that counts rests on words that were said.`),
        missing.length > 0 && h("p", {}, `${counted(missing.length, "question")} not answered; that lowers no score.`),
        refused.length > 0 && h("p.refused", {}, `${counted(refused.length, "recording")} not taken: ${refused[0].problem?.detail}`),
        h("p.gone", {}, `${gone} of ${counted(answers.length, "recording")} deleted from the server.`),
      ),
    ),
    ...answers.map((/** @type {any} */ answer, /** @type {number} */ at) => {
      return answerCard(answer, at, asked.find(({ id }) => id === answer.question_id)?.language);
    }),
    h(
      "div.row",
      {},
      h("button.quiet", { type: "button", onclick: back }, "Back to the questions"),
      h("span.grow"),
      h("button.primary", { type: "button", onclick: anew }, "New interview"),
    ),
  );
}

/**
 * @param {any} answer
 * @param {number} at
 * @param {string | null} [language] of the question
 */
function answerCard(answer, at, language) {
  const id = `answer-${at + 1}`;
  const reason = own(NO_SCORE, String(answer.unscored_reason)) ?? "This answer has no score.";
  return h(
    "article.card.answer",
    { "aria-labelledby": id },
    h(
      "header.row",
      {},
      h("h2", { id, dir: "auto", lang: language }, answer.question),
      answer.score === null ? h("span.pill.none", {}, "No score") : h("span.score", {}, String(round(answer.score))),
    ),
    h("blockquote.transcript", { dir: "auto", lang: languageCode(answer) }, ...marked(answer)),
    doubtOf(answer) && h("p.hint", {}, doubtOf(answer), usedOf(answer)),
    answer.score === null && h("p.hint", {}, reason),
    answer.feedback.length > 0 && h("ol.points", { "aria-label": "Points" }, ...answer.feedback.map(point)),
    answer.model_answer && h("details", {}, h("summary", {}, "A model answer"), h("p", { dir: "auto", lang: language }, answer.model_answer)),
  );
}

/** @param {any} answer */
function marked(answer) {
  if (answer.status !== "completed" || answer.no_speech) return [h("p", {}, saidOf(answer))];
  const doubted = doubts(answer.transcript, answer.segments);
  const found = pieces(answer.transcript, answer.feedback, doubted).flatMap(({ text, points, ends, doubt, begins }) => {
    const signs = begins.map(({ from, to, mark, title }) => h("small.doubt", { title }, from === to ? ` ${mark}` : `${mark} `));
    const words = doubt ? h("span.doubted", { title: doubt.title }, text) : text;
    if (!points.length) return [...signs, words];
    return [...signs, h("mark", {}, words, ...ends.map((end) => h("sup", {}, h("span.unseen", {}, " point "), String(end))))];
  });
  return [h("p", {}, ...found)];
}

/** How much of a doubted answer the score rests on. @param {any} answer */
const usedOf = ({ usable_share: share }) => typeof share === "number" && share < 1 && ` ${Math.round(100 * share)} % could be used for the score.`;

/** @param {any} feedback */
function point({ point: text, covered, comment, needs_review: doubtful, start, end }) {
  const sign = h("span.sign", { "aria-hidden": "true" }, !covered ? "–" : doubtful ? "?" : "✓");
  const said = !covered ? "Missing: " : doubtful ? "Perhaps said, in other words: " : "Said: ";
  const words = h("span", {}, h("span.unseen", {}, said), h("bdi", {}, text), covered && typeof start === "number" && h("small.when", {}, `said from ${clock(start)} to ${clock(end)}`), comment && h("small", { dir: "auto" }, comment));
  return h(`li.${covered ? "covered" : "missing"}`, {}, sign, words);
}

/** @param {number | null} score */
function dial(score) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 36 36");
  made.setAttribute("class", "dial");
  made.setAttribute("aria-hidden", "true");
  for (const [name, share] of /** @type {[string, number][]} */ ([["track", 100], ["value", score ?? 0]])) {
    const ring = document.createElementNS(space, "circle");
    const given = { cx: 18, cy: 18, r: 15.9155, class: name, "stroke-dasharray": `${share} ${100 - share}`, "stroke-dashoffset": 25 };
    for (const [key, value] of Object.entries(given)) ring.setAttribute(key, String(value));
    made.append(ring);
  }
  return made;
}

/** @param {number} score */
const round = (score) => Math.round(score * 10) / 10;

/**
 * @param {number} number
 * @param {string} noun
 */
const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
