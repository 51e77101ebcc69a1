/** The demo page: three steps, of which a reload forgets none, and nothing but the candidate ends an interview. */

import { analyzeInterview } from "./demo/analyze.js";
import { allSent, analyzingView } from "./demo/analyzing.js";
import { Api } from "./demo/api.js";
import { Problem } from "./call.js";
import { checkCard } from "./demo/check.js";
import { announce, complain } from "./demo/dom.js";
import { Follower } from "./demo/follow.js";
import { SoFar } from "./demo/heard.js";
import { Here } from "./demo/here.js";
import { Interview } from "./demo/interview.js";
import { isLost, lostView } from "./demo/lost.js";
import { questionsView } from "./demo/questions.js";
import { recall, remember } from "./demo/remember.js";
import { resultsView } from "./demo/results.js";
import { soundOf } from "./demo/sound.js";
import { sampleCall } from "./timeline/sample.js";

/** @type {import("./answers.d.ts").Expected} */
const CREATED = { 201: { session_id: "string", user_id: "string" } };

const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));
const api = new Api(recall().session ? recall().user : undefined);
/** @type {(() => void)[]} */
let leaving = [];

/**
 * @param {string} step
 * @param {Node} view
 * @param {boolean} [isFirst] of the page, whose focus is left alone
 */
function show(step, view, isFirst = false) {
  for (const act of leaving.splice(0)) act();
  complain();
  for (const mark of document.querySelectorAll("[data-step]")) {
    if (mark.getAttribute("data-step") === step) mark.setAttribute("aria-current", "step");
    else mark.removeAttribute("aria-current");
  }
  stage.replaceChildren(view);
  if (!isFirst) stage.querySelector("h1")?.focus();
}

/** @param {boolean} isFirst */
function questions(isFirst = false) {
  remember({ stage: "questions" });
  const { session, isDone, user, questions: known = [] } = recall();
  const goOn = session && !isDone ? interview : null;
  const sound = soundOf(api, user);
  const given = new AbortController();
  show("questions", questionsView(known, { begin, goOn, check: checkCard(sound, api, given.signal) }), isFirst);
  leaving = [() => given.abort(), () => sound.recorder.stop().catch(reportError)];
}

/**
 * @param {import("./demo/remember.js").Question[]} asked
 * @param {string} key the same for the same questions, so that trying again makes no second interview
 */
async function begin(asked, key) {
  complain();
  try {
    const body = { title: "Demo", questions: asked };
    const { body: made } = await api.call("POST", "/api/sessions", { gives: CREATED, body, headers: { "Idempotency-Key": key } });
    api.be(made.user_id);
    remember({ session: made.session_id, user: made.user_id, questions: asked, at: 0, isDone: false });
    interview();
  } catch (problem) {
    told(problem, complain);
  }
}

function interview() {
  remember({ stage: "interview", isDone: false });
  const { session = "", questions: asked = [], at = 0, user } = recall();
  const memory = { session, questions: asked, at: Math.max(0, Math.min(at, asked.length - 1)) };
  const view = new Interview(memory, soundOf(api, user), {
    finish: results,
    moved: (now) => remember({ at: now }),
    sent: () => follower.hint(),
  });
  show("interview", view.element);
  const soFar = new SoFar(api, session, (question, heard) => view.hear(question, heard));
  const follower = new Follower(api, session, {
    status: (status) => {
      view.update(status);
      soFar.update(status.answers);
    },
    interim: (said) => view.murmur(said),
    trouble: (problem) => (problem ? told(problem, () => view.trouble(problem)) : view.trouble(null)),
  });
  leaving = [() => follower.close(), () => soFar.close(), () => view.close()];
}

async function results() {
  remember({ stage: "results" });
  const { session = "", user, questions: asked = [] } = recall();
  const given = new AbortController();
  const view = analyzingView(interview);
  show("results", view.element);
  leaving = [() => given.abort()];
  try {
    const refused = await allSent(soundOf(api, user).recorder, session, view.tell, given.signal);
    const result = await analyzeInterview(api, session, view.tell, given.signal);
    if (!result || given.signal.aborted) return;
    remember({ isDone: true });
    show("results", resultsView(result, refused, asked, { anew: () => questions(), back: interview }));
    announce("The scores are there.");
  } catch (problem) {
    if (!given.signal.aborted) told(problem, ({ message }) => view.tell(message));
  }
}

/**
 * What the API itself says; anything else is a fault of this page.
 * @param {unknown} problem
 * @param {(problem: Problem) => void} tell
 */
function told(problem, tell) {
  if (!(problem instanceof Problem)) throw problem;
  if (isLost(problem)) lost(problem);
  else tell(problem);
}

/** Told, and left to the candidate: an interview is forgotten with their yes alone. @param {Problem} problem */
function lost(problem) {
  const { stage: step = "interview" } = recall();
  const anew = () => {
    api.be();
    remember({ session: undefined, user: undefined, isDone: true });
    questions();
  };
  show(step, lostView(problem, step === "results" ? results : interview, anew));
}

new Here(/** @type {HTMLElement} */ (document.getElementById("here")));
sampleCall(/** @type {HTMLDetailsElement} */ (document.getElementById("call")));
const { stage: last = "questions", session, questions: known } = recall();
if (session && known?.length && last === "interview") interview();
else if (session && last === "results") results();
else questions(true);
