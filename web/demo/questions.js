/** The first step: what is asked, and what a good answer says. */

import { ask } from "./ask.js";
import { checked, h, isBlank } from "./dom.js";
import { languageField } from "./languages.js";
import { SAMPLES } from "./samples.js";

const MOST = 50;
const MOST_POINTS = 50;
const LONGEST = 4000;
const SLOW_MILLISECONDS = 2500;

/**
 * @typedef {(questions: import("./remember.js").Question[], key: string) => Promise<void>} Begin
 *
 * @param {{ text: string, key_points: string[], language?: string | null }[]} known
 * @param {{ begin: Begin, goOn: (() => void) | null, check: Node | null }} ways
 */
export function questionsView(known, { begin, goOn, check }) {
  const list = h("ol.questions");
  const add = h("button.quiet", { type: "button", onclick: () => append({ text: "", key_points: [] }, true) }, "+ Add a question");
  const start = h("button.primary", { type: "submit" }, "Start the interview");
  const slow = h("p.hint", { role: "status" });
  const language = languageField(known[0]?.language);
  const keys = new Keys();
  let isBeginning = false;

  const append = (/** @type {{ text: string, key_points: string[] }} */ question, isNew = false) => {
    const card = questionCard(question, () => remove(card));
    list.append(card);
    renumber();
    if (isNew) card.querySelector("input").focus();
  };
  const remove = (/** @type {any} */ card) => {
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    renumber();
    (next?.querySelector("input") ?? add).focus();
  };
  const renumber = () => {
    const cards = [...list.children];
    cards.forEach((card, at) => number(card, at + 1, cards.length > 1));
    add.disabled = cards.length >= MOST;
  };
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (isBeginning || (goOn && !(await isLeft()))) return;
    isBeginning = true;
    start.textContent = "Starting …";
    const timer = setTimeout(() => (slow.textContent = "The server takes its time to answer. It is waited for a few seconds more."), SLOW_MILLISECONDS);
    const asked = [...list.children].map((card, at) => read(card, at, language.value()));
    await begin(asked, keys.of(asked)).finally(() => {
      clearTimeout(timer);
      isBeginning = false;
      slow.textContent = "";
      start.textContent = "Start the interview";
    });
  };

  for (const question of known.length ? known : SAMPLES) append(question);
  return h(
    "form.stage",
    { onsubmit: submit },
    h("h1", { tabindex: -1 }, "Answer aloud. Go on at once."),
    h("p.lead", {}, "Each answer is sent and transcribed while the next question is on. These are the questions; change them as you like."),
    goOn && underWay(goOn),
    check,
    list,
    language.element,
    slow,
    h("div.row", {}, add, h("span.grow"), start),
  );
}

/** @param {() => void} goOn */
function underWay(goOn) {
  const button = h("button.primary", { type: "button", onclick: goOn }, "Go on with it");
  return h("section.card.row", { "aria-label": "Under way" }, h("p", {}, "An interview is under way."), h("span.grow"), button);
}

/** Whether the candidate lets go of the interview that is under way. */
async function isLeft() {
  const said = ["What was sent of it stays with the server, and what was not goes on being sent. But this page forgets the way back to it."];
  const choices = /** @type {[string, boolean][]} */ ([["Begin a new one", true], ["Keep the one that is under way", false]]);
  return ask("Leave the interview that is under way?", said, choices);
}

/** The same key for the same questions: an interview whose answer got lost on its way is not made twice. */
class Keys {
  #text = "";
  #key = "";

  /** @param {unknown} asked */
  of(asked) {
    const text = JSON.stringify(asked);
    if (text !== this.#text) [this.#text, this.#key] = [text, crypto.randomUUID()];
    return this.#key;
  }
}

/**
 * @param {{ text: string, key_points: string[] }} question
 * @param {() => void} remove
 */
function questionCard(question, remove) {
  return h(
    "li.card",
    {},
    h("div.row", {}, h("label", {}, "Question"), h("span.grow"), h("button.quiet.small", { type: "button", onclick: remove }, "Remove")),
    checked(h("input", { required: true, dir: "auto", maxlength: LONGEST, value: question.text, autocomplete: "off" }), faultOfQuestion),
    h("label", {}, "What a good answer says, one point a line"),
    checked(h("textarea", { dir: "auto", rows: Math.max(2, question.key_points.length) }, question.key_points.join("\n")), faultOfPoints),
  );
}

/** @param {string} text */
const faultOfQuestion = (text) => (isBlank(text) ? "A question has words." : "");

/** @param {string} text */
function faultOfPoints(text) {
  const points = pointsOf(text);
  const long = points.findIndex((point) => point.length > LONGEST);
  if (points.length > MOST_POINTS) return `A question has at most ${MOST_POINTS} points; these are ${points.length}.`;
  return long < 0 ? "" : `Point ${long + 1} has more than ${LONGEST} letters. Shorten it, or make more points of it.`;
}

/** @param {string} text */
const pointsOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/**
 * @param {Element} card
 * @param {number} at
 * @param {boolean} canGo
 */
function number(card, at, canGo) {
  const [text, points] = card.querySelectorAll("label");
  const button = /** @type {HTMLButtonElement} */ (card.querySelector("button"));
  text.textContent = `Question ${at}`;
  link(text, card.querySelector("input"), `question-${at}`);
  link(points, card.querySelector("textarea"), `points-${at}`);
  [text.id, points.id] = [`asked-${at}`, `good-${at}`];
  card.querySelector("textarea")?.setAttribute("aria-labelledby", `${text.id} ${points.id}`);
  button.hidden = !canGo;
  button.setAttribute("aria-label", `Remove question ${at}`);
}

/**
 * @param {HTMLLabelElement} label
 * @param {Element | null} field
 * @param {string} id
 */
function link(label, field, id) {
  label.htmlFor = id;
  field?.setAttribute("id", id);
}

/**
 * @param {Element} card
 * @param {number} at
 * @param {string} language
 */
function read(card, at, language) {
  return {
    id: `q${at + 1}`,
    text: card.querySelector("input")?.value.trim() ?? "",
    ...(language && { language }),
    key_points: pointsOf(card.querySelector("textarea")?.value ?? ""),
  };
}
