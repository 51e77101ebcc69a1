/** The demo page: three steps, of which a reload forgets none. */

import { BASE } from "./call.js";
import { analyzeInterview } from "./demo/analyze.js";
import { Api } from "./demo/api.js";
import { announce, complain, h } from "./demo/dom.js";
import { Follower } from "./demo/follow.js";
import { Interview } from "./demo/interview.js";
import { questionsView } from "./demo/questions.js";
import { recall, remember } from "./demo/remember.js";
import { analyzingView, resultsView } from "./demo/results.js";
import { Recorder } from "./recorder.js";

const MAX_DURATION = 120;

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const api = new Api();
/** @type {(() => void)[]} */
let leaving = [];

/**
 * @param {string} step
 * @param {Node} view
 */
function show(step, view) {
  for (const mark of document.querySelectorAll("[data-step]")) {
    if (mark.getAttribute("data-step") === step) mark.setAttribute("aria-current", "step");
    else mark.removeAttribute("aria-current");
  }
  stage.replaceChildren(view);
}

function leave() {
  for (const act of leaving.splice(0)) act();
  complain();
}

/** @param {boolean} isFirst */
function questions(isFirst = false) {
  leave();
  remember({ stage: "questions" });
  show("questions", questionsView(recall().questions ?? [], begin));
  if (!isFirst) stage.querySelector("h1")?.focus();
}

/** @param {import("./demo/remember.js").Question[]} asked */
async function begin(asked) {
  complain();
  try {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const gives = /** @type {const} */ ({ 201: { session_id: "string", user_id: "string" } });
    const { body } = await api.call("POST", "/api/sessions", { body: { title: "Demo", questions: asked }, headers, gives });
    remember({ stage: "interview", session: body.session_id, user: body.user_id, questions: asked, at: 0 });
    await interview();
  } catch (problem) {
    complain(problem);
  }
}

/** @type {{ recorder: Recorder, canvas: HTMLCanvasElement, maxDuration: number, owner: string } | null} */
let sound = null;

/** The recorder of this page; it goes on sending whatever the page shows. */
function soundOf(owner = "") {
  if (sound?.owner === owner) return sound;
  sound?.recorder.close().catch(reportError);
  const canvas = h("canvas.wave", { role: "img", "aria-label": "How loud you are" });
  const recorder = new Recorder({ api: BASE, token: api.token, owner, canvas, maxDuration: MAX_DURATION });
  sound = { recorder, canvas, maxDuration: MAX_DURATION, owner };
  return sound;
}

async function interview() {
  leave();
  const { session = "", questions: asked = [], at = 0, user } = recall();
  const memory = { session, questions: asked, at: Math.min(at, asked.length - 1) };
  const view = new Interview(memory, soundOf(user), {
    finish: results,
    moved: (now) => remember({ at: now }),
    sent: () => follower.hint(),
  });
  const follower = new Follower(api, session, (status) => (status ? view.update(status) : lost()));
  leaving = [() => follower.close(), () => view.close()];
  show("interview", view.element);
  view.focus();
}

async function results() {
  leave();
  remember({ stage: "results" });
  const { session = "", user } = recall();
  const { element, tell } = analyzingView();
  show("results", element);
  element.querySelector("h1").focus();
  try {
    const { result, refused } = await analyzeInterview(api, soundOf(user).recorder, session, tell);
    show("results", resultsView(result, refused, () => questions()));
    announce("The scores are there.");
    stage.querySelector("h1")?.focus();
  } catch (problem) {
    if (/** @type {any} */ (problem).status === 404) lost();
    else complain(problem);
  }
}

/** The session is not there, or not this guest's: begin anew, with the same questions. */
function lost() {
  questions();
  complain("The last interview is not there any more. Start a new one.");
}

const { stage: last = "questions", session } = recall();
if (session && last === "interview") await interview();
else if (session && last === "results") await results();
else questions(true);
