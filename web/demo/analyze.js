/** Asking for the scores until they are there. */

import { Problem } from "../call.js";
import { backoff } from "../recorder/backoff.js";
import { pause } from "./dom.js";
import { OF_ANSWER } from "./doubts.js";

/** @type {import("../answers.d.ts").Expected} */
const ANALYSIS = {
  200: { session_id: "string", scored_count: "number", answers: "array", not_answered: "array" },
  202: { message: "string", retry_after: "number" },
};
/** @type {import("../answers.d.ts").Expected} */
const STATUS = { 200: { status: "string", segments: "array" } };

/**
 * The scores of the session, asked for as often as the server says; null if it was given up, a Problem if the API itself refuses.
 * @param {import("./api.js").Api} api
 * @param {string} session
 * @param {(said: string) => void} tell
 * @param {AbortSignal} signal gives up
 */
export async function analyzeInterview(api, session, tell, signal) {
  const analyze = () => api.call("POST", `/api/analyze/${encodeURIComponent(session)}`, { gives: ANALYSIS });
  for (;;) {
    const answer = await insist(analyze, tell, signal);
    if (!answer) return null;
    if (answer.status === 200) return { ...answer.body, answers: await withSegments(api, session, answer.body.answers, tell, signal) };
    tell(`${answer.body.message}.`);
    await pause(answer.body.retry_after);
  }
}

/**
 * Call until the API itself answers; null if it was given up.
 * @param {() => Promise<{ status: number, body: any }>} act
 * @param {(said: string) => void} tell
 * @param {AbortSignal} signal
 */
async function insist(act, tell, signal) {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await act();
    } catch (problem) {
      if (!(problem instanceof Problem && problem.isPassing)) throw problem;
      tell(`${problem.message} It is asked again by itself.`);
      await pause(backoff(failures, null) / 1000);
    }
  }
  return null;
}

/**
 * The answers, with their segments where something of them is doubted.
 * @param {import("./api.js").Api} api
 * @param {string} session
 * @param {any[]} answers
 * @param {(said: string) => void} tell
 * @param {AbortSignal} signal
 */
function withSegments(api, session, answers, tell, signal) {
  return Promise.all(
    answers.map(async (answer) => {
      if (!Object.hasOwn(OF_ANSWER, answer.speech_verdict)) return answer;
      const path = `/api/transcription-status/${encodeURIComponent(session)}/${encodeURIComponent(answer.question_id)}?segments=true`;
      const found = await insist(() => api.call("GET", path, { gives: STATUS }), tell, signal);
      return { ...answer, segments: found?.body.segments };
    }),
  );
}
