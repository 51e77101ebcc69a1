/** One session with its answers, and what can be done about them. */

import { own } from "../own.js";
import { Problem } from "../call.js";
import { announce, complain } from "../demo/dom.js";
import { get } from "./api.js";
import { failButton, retryButton, scoreAll, scoreButton } from "./mend.js";
import { at, item, pill, refill, row, said } from "./parts.js";
import { moment, spoken, times } from "./words.js";

/** @type {string | null} */
let opened = null;

export function listenToSession() {
  at("close").addEventListener("click", () => {
    forgetOpened();
    at("sought").focus();
  });
}

/**
 * Show a session, and lead there who asked for it.
 * @param {string} id
 */
export async function open(id) {
  complain();
  opened = id;
  try {
    await showOpened();
    if (opened !== id) return;
    at("session-title").focus();
    announce(`Session ${id} is shown.`);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    complain(problem);
  }
}

/** What is open, as it stands now. */
export async function showOpened() {
  const id = opened;
  if (id === null) return;
  const session = await get(`/api/sessions/${encodeURIComponent(id)}`).catch((problem) => {
    if (id !== opened || !isGone(problem)) throw problem;
    letGo(problem);
  });
  if (!session || id !== opened) return;
  at("session").hidden = false;
  at("session-title").textContent = session.title ?? "Session";
  at("session-facts").replaceChildren(...row(said(session.session_id), said(`user ${session.user_id}`), `made ${moment(session.created_at)}`));
  const items = session.questions.map((/** @type {any} */ question) => answerItem(session, question));
  refill(at("answers"), items, "No questions.");
  offerScores(session);
}

/** Whether the API itself says that there is no such session any more. @param {unknown} problem */
const isGone = (problem) => problem instanceof Problem && !problem.isPassing && (problem.status === 404 || problem.status === 410);

/** Nothing of it is shown any more, and why. @param {Problem} problem */
function letGo(problem) {
  const isIn = at("session").contains(document.activeElement);
  forgetOpened();
  if (isIn) at("sought").focus();
  complain(problem);
}

/** @param {any} session */
function offerScores(session) {
  const ids = session.questions.map((/** @type {any} */ question) => question.id);
  const without = ids.filter((/** @type {string} */ id) => lacksScore(own(session.answers, id)));
  const button = at("score-all");
  button.hidden = without.length < 2;
  button.textContent = `Have ${times(without.length, "answer")} scored anew`;
  button.onclick = () => scoreAll(session.session_id, without);
}

/** @param {any} answer */
const lacksScore = (answer) => answer?.score_status === "unscored" && answer.unscored_reason === "scorer_unavailable";

/**
 * @param {any} session
 * @param {any} question
 */
function answerItem(session, question) {
  const answer = own(session.answers, question.id);
  const asked = said(`${question.id}: ${question.text}`);
  if (!answer) return item([pill("no answer"), asked], "Not answered yet.");
  const acts = [];
  if (answer.status === "failed" && answer.file_id) acts.push(retryButton(session.session_id, question.id));
  const isRecorded = answer.stage === "recording";
  if (["queued", "processing"].includes(answer.status) && !isRecorded) acts.push(failButton(session.session_id, question.id));
  if (lacksScore(answer)) acts.push(scoreButton(session.session_id, question.id));
  return item([pill(isRecorded ? "recording" : answer.status), asked], row(...facts(answer)), acts);
}

/** @param {any} answer */
function facts(answer) {
  const { error } = answer;
  return [
    `take ${answer.take}`,
    answer.stage === "recording" ? answer.created_at && `since ${moment(answer.created_at)}` : `recorded ${moment(answer.created_at)}`,
    answer.stage && answer.received_seconds && `${Math.floor(answer.transcribed_seconds ?? 0)} of ${Math.floor(answer.received_seconds)} s heard`,
    answer.call_id && said(`call ${answer.call_id}`),
    error && said(`${spoken(error.code)}: ${error.sentence}`),
    answer.status === "failed" && (answer.file_id ? "recording kept" : "recording gone"),
    answer.score_status && scored(answer),
  ];
}

/** @param {any} answer */
function scored(answer) {
  if (answer.score !== null) return `score ${Math.round(answer.score)}`;
  return answer.unscored_reason ? `${answer.score_status}: ${spoken(answer.unscored_reason)}` : answer.score_status;
}

export function forgetOpened() {
  opened = null;
  at("session").hidden = true;
  at("session-title").textContent = "";
  for (const id of ["session-facts", "answers"]) at(id).replaceChildren();
}
