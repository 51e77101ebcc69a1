/** Finding a session, and looking at its answers. */

import { own } from "../own.js";
import { Problem } from "../call.js";
import { announce, complain, h } from "../demo/dom.js";
import { get } from "./api.js";
import { failButton, retryButton } from "./mend.js";
import { at, item, link, pill, refill } from "./parts.js";
import { moment, times } from "./words.js";

/** @type {string | null} */
let opened = null;

export function listenToSearch() {
  at("find").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    await orComplain(() => find(at("sought").value.trim()));
  });
}

/** @param {string} sought */
async function find(sought) {
  const { sessions } = await get("/api/admin/sessions", { q: sought });
  at("found-hint").textContent = sessions.length ? times(sessions.length, "session") : "No session is called so.";
  at("found").replaceChildren(...sessions.map(sessionItem));
  if (sessions.length === 1) await open(sessions[0].session_id);
}

/** @param {any} session */
function sessionItem(session) {
  const states = session.answers.map((/** @type {any} */ answer) => answer.status);
  const counted = ["completed", "processing", "queued", "failed"]
    .map((state) => [state, states.filter((/** @type {string} */ each) => each === state).length])
    .filter(([, number]) => number)
    .map(([state, number]) => `${number} ${state}`);
  const name = link(`found ${session.session_id}`, session.title ?? session.session_id, () => open(session.session_id));
  const about = [`user ${session.user_id}`, `made ${moment(session.created_at)}`, times(session.questions, "question"), ...counted];
  return item([name], about.join(" · "));
}

/**
 * Show a session, and lead there who asked for it.
 * @param {string} id
 */
export async function open(id) {
  await orComplain(async () => {
    opened = id;
    await showOpened();
    at("session-title").focus();
    announce(`Session ${id} is shown.`);
  });
}

/** What is open, as it stands now. */
export async function showOpened() {
  if (opened === null) return;
  const session = await get(`/api/sessions/${encodeURIComponent(opened)}`);
  at("session").hidden = false;
  at("session-title").textContent = session.title ?? "Session";
  at("session-facts").textContent = `${session.session_id} · user ${session.user_id} · made ${moment(session.created_at)}`;
  refill(at("answers"), session.questions.map((/** @type {any} */ question) => answerItem(session, question)), "No questions.");
}

/**
 * @param {any} session
 * @param {any} question
 */
function answerItem(session, question) {
  const answer = own(session.answers, question.id);
  const asked = h("span", {}, `${question.id}: ${question.text}`);
  if (!answer) return item([pill("no answer"), asked], "Not answered yet.");
  const acts = [];
  if (answer.status === "failed" && answer.file_id) acts.push(retryButton(session.session_id, question.id));
  if (["queued", "processing"].includes(answer.status)) acts.push(failButton(session.session_id, question.id));
  return item([pill(answer.status), asked], facts(answer).join(" · "), acts);
}

/** @param {any} answer */
function facts(answer) {
  const said = [`take ${answer.take}`, `recorded ${moment(answer.created_at)}`];
  if (answer.error) said.push(`${answer.error.code.replaceAll("_", " ")}: ${answer.error.sentence}`);
  if (answer.status === "failed") said.push(answer.file_id ? "recording kept" : "recording gone");
  if (answer.score_status) said.push(answer.score === null ? answer.score_status : `score ${Math.round(answer.score)}`);
  return said;
}

export function forgetOpened() {
  opened = null;
  at("session").hidden = true;
  at("found").replaceChildren();
  at("found-hint").textContent = "";
}

/** @param {() => Promise<void>} deed */
async function orComplain(deed) {
  complain();
  try {
    await deed();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    complain(problem);
  }
}
