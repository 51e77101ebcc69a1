/** What an operator does: retry, fail, score, sweep. Each asks where it should, says what came of it, and has the page look again. */

import { announce, complain, h } from "../demo/dom.js";
import { post } from "./api.js";
import { ask } from "./ask.js";
import { at, act } from "./parts.js";

/** @type {() => Promise<void>} */
let look = async () => {};

/** @param {() => Promise<void>} again */
export function afterwards(again) {
  look = again;
}

/** Have the page show what has become of it. */
export const lookAgain = () => look();

/**
 * @param {string} session
 * @param {string} question
 */
const path = (session, question) => `/api/admin/answers/${encodeURIComponent(session)}/${encodeURIComponent(question)}`;

/**
 * @param {string} session
 * @param {string} question
 */
export function retryButton(session, question) {
  const go = () =>
    done(async () => {
      await post(`${path(session, question)}/retry`);
      return `Answer ${question} waits again.`;
    });
  return act(`retry ${session} ${question}`, "Retry", go, `Retry answer ${question} of session ${session}`);
}

/**
 * @param {string} session
 * @param {string} question
 */
export function failButton(session, question) {
  const go = async () => {
    const text = `Its work is ended and the answer shows as failed. The recording is kept for a retry.`;
    const reason = await ask({ title: `Fail answer ${question}?`, text, yes: "Fail the answer", wantsReason: true });
    if (reason === null) return;
    await done(async () => {
      await post(`${path(session, question)}/fail`, { reason });
      return `Answer ${question} has failed.`;
    });
  };
  return act(`fail ${session} ${question}`, "Fail …", go, `Fail answer ${question} of session ${session}`);
}

/**
 * @param {string} session
 * @param {string} question
 */
export function scoreButton(session, question) {
  const go = () =>
    done(async () => {
      await post(`${path(session, question)}/score`);
      return `Answer ${question} will be scored anew.`;
    });
  return act(`score ${session} ${question}`, "Score anew", go, `Score answer ${question} of session ${session} anew`);
}

/**
 * @param {string} session
 * @param {string[]} questions
 */
export function scoreAll(session, questions) {
  return done(async () => {
    for (const question of questions) await post(`${path(session, question)}/score`);
    return `${questions.length} answers will be scored anew.`;
  });
}

export function listenToSweep() {
  at("count").addEventListener("click", () => sweep(true));
  at("sweep").addEventListener("click", async () => {
    if (isSweeping) return;
    const text = "It repairs what crashes left behind, and deletes audio that no record needs. It is safe while work goes on.";
    if ((await ask({ title: "Sweep now?", text, yes: "Sweep" })) !== null) await sweep(false);
  });
}

let isSweeping = false;

/** Never disabled: who stands on a button with the keyboard would stand nowhere. @param {boolean} is */
function become(is) {
  isSweeping = is;
  for (const id of ["count", "sweep"]) at(id).setAttribute("aria-disabled", String(is));
}

/** @param {boolean} isDry */
async function sweep(isDry) {
  if (isSweeping) return;
  become(true);
  at("swept").replaceChildren(h("p.hint", {}, isDry ? "Counting …" : "Sweeping …"));
  await done(async () => {
    const swept = await post("/api/admin/sweep", { dry_run: isDry }).finally(() => at("swept").replaceChildren());
    showSwept(swept);
    const number = swept.counts.reduce((/** @type {number} */ sum, /** @type {any} */ did) => sum + did.count, 0);
    return isDry ? `A sweep would find ${number}.` : `The sweep did ${number}.`;
  });
  become(false);
}

/** @param {any} swept */
function showSwept(swept) {
  const rows = swept.counts.map((/** @type {any} */ did) =>
    h("tr", {}, h("th", { scope: "row" }, did.what), h("td.number", {}, String(did.count))),
  );
  const head = h("tr", {}, h("th", { scope: "col" }, swept.dry_run ? "Would be done" : "Done"), h("th.number", { scope: "col" }, "Count"));
  at("swept").replaceChildren(h("table.reasons", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
}

/** @param {() => Promise<string>} deed */
async function done(deed) {
  complain();
  try {
    announce(await deed());
  } catch (problem) {
    complain(problem);
  }
  await lookAgain();
}
