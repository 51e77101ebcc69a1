/** Asking for the scores until they are there. */

import { Problem } from "../call.js";
import { backoff } from "../recorder/backoff.js";
import { pause } from "./dom.js";

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
      const { status, body } = await api.call("POST", `/api/analyze/${session}`);
      if (status === 200) return { result: body, refused };
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
