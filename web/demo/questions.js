/** The first step: what is asked, and what a good answer says. */

import { h } from "./dom.js";
import { SAMPLES } from "./samples.js";

const MOST = 20;

/**
 * @param {{ text: string, key_points: string[] }[]} known
 * @param {(questions: import("./remember.js").Question[]) => Promise<void>} begin
 */
export function questionsView(known, begin) {
  const list = h("ol.questions");
  const add = h("button.quiet", { type: "button", onclick: () => append({ text: "", key_points: [] }, true) }, "+ Add a question");
  const start = h("button.primary", { type: "submit" }, "Start the interview");

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
    start.disabled = true;
    await begin([...list.children].map(read)).finally(() => (start.disabled = false));
  };

  for (const question of known.length ? known : SAMPLES) append(question);
  return h(
    "form.stage",
    { onsubmit: submit },
    h("h1", { tabindex: -1 }, "Answer aloud. Go on at once."),
    h("p.lead", {}, "Each answer is sent and transcribed while the next question is on. These are the questions; change them as you like."),
    list,
    h("div.row", {}, add, h("span.grow"), start),
  );
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
    h("input", { required: true, maxlength: 4000, value: question.text, autocomplete: "off" }),
    h("label", {}, "What a good answer says, one point a line"),
    h("textarea", { rows: Math.max(2, question.key_points.length) }, question.key_points.join("\n")),
  );
}

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
 */
function read(card, at) {
  const points = card.querySelector("textarea")?.value ?? "";
  return {
    id: `q${at + 1}`,
    text: card.querySelector("input")?.value.trim() ?? "",
    key_points: points.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 50),
  };
}
