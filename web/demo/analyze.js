/** Asking for the scores until they are there. */

import { Problem } from "../call.js";
import { backoff } from "../recorder/backoff.js";
import { pause } from "./dom.js";
import { OF_ANSWER } from "./doubts.js";

/** @type {import("../answers.d.ts").Expected} */
const SCORES = { 200: { answers: "array", not_answered: "array" }, 202: { message: "string", retry_after: "number" } };
/** @type {import("../answers.d.ts").Expected} */
const STATUS = { 200: { status: "string", question_id: "string" } };

/**
 * The scores of the session, and the recordings that the server did not take: waits until the last recording is with the server, then asks as often as it is told to.
 * @param {import("./api.js").Api} api
 * @param {import("../recorder.js").Recorder} recorder
 * @param {string} session
 * @param {(said: string) => void} tell
 */
export async function analyzeInterview(api, recorder, session, tell) {
  tell("The last recordings are on their way.");
  const refused = await recorder.whenSent(session);
  for (let failures = 0; ; ) {
    try {
      const { status, body } = await api.call("POST", `/api/analyze/${session}`, { gives: SCORES });
      if (status === 200) return { result: { ...body, answers: await withSegments(api, session, body.answers) }, refused };
      failures = 0;
      tell(`${body.message}.`);
      await pause(body.retry_after);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.isPassing)) throw problem;
      tell("The server cannot be reached at the moment. It is asked again.");
      await pause(backoff((failures += 1), null) / 1000);
    }
  }
}

/**
 * The answers, with their segments where something of them is doubted.
 * @param {import("./api.js").Api} api
 * @param {string} session
 * @param {any[]} answers
 */
function withSegments(api, session, answers) {
  return Promise.all(
    answers.map(async (answer) => {
      if (!(answer.speech_verdict in OF_ANSWER)) return answer;
      const { body } = await api.call("GET", `/api/transcription-status/${session}/${answer.question_id}?segments=true`, { gives: STATUS });
      return { ...answer, segments: body.segments };
    }),
  );
}
