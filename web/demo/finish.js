/** Whether an interview is over: asked where something of it is open. */

import { ask } from "./ask.js";
import { h } from "./dom.js";

/**
 * The places of the questions that have no answer.
 * @param {import("./remember.js").Question[]} questions
 * @param {(id: string) => boolean} has
 */
export const openQuestions = (questions, has) => questions.flatMap(({ id }, at) => (has(id) ? [] : [at]));

/**
 * "finish", the place of a question to go back to, or null.
 * @param {number[]} open
 * @param {import("./remember.js").Question[]} questions
 * @param {number} waiting how many recordings cannot be sent at the moment
 * @param {number} undecided how many wait for the candidate's word
 * @returns {Promise<"finish" | number | null>}
 */
export async function whetherToFinish(open, questions, waiting, undecided) {
  if (!open.length && !waiting && !undecided) return "finish";
  const said = [];
  if (open.length) {
    const list = open.map((at) => h("li", {}, `${at + 1}. `, h("bdi", {}, questions[at].text)));
    said.push(`${counted(open.length, "question")} not answered yet:`, h("ol.open", { tabindex: 0, "aria-label": "Not answered" }, ...list));
  }
  if (undecided) said.push(`${counted(undecided, "recording")} waiting for you to say whether it counts. What you do not choose is not sent.`);
  if (waiting) said.push(`There is no connection at the moment: ${counted(waiting, "recording")} kept here. The scores come once all is sent.`);
  const back = open.length ? [`Go to question ${open[0] + 1}`, open[0]] : ["Back to the interview", null];
  const choices = /** @type {[string, "finish" | number | null][]} */ ([["Finish", "finish"], back]);
  return ask("Finish the interview?", said, choices);
}

/**
 * @param {number} number
 * @param {string} noun
 */
const counted = (number, noun) => `${number} ${noun}${number === 1 ? " is" : "s are"}`;
