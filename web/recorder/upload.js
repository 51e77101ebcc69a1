/**
 * One attempt to hand a recording to the server, and what its answer means.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("../recorder.js").Problem} Problem
 * @typedef {import("../recorder.js").TokenSource} TokenSource
 * @typedef {{ kind: "accepted", answer: Record<string, unknown> }
 *   | { kind: "refused", problem: Problem }
 *   | { kind: "later", problem: Problem, retryAfter: number | null, offline: boolean }} Outcome
 * @typedef {{ status: number, text: string, retryAfter: string | null }} Reply
 */

import { retryAfterOf } from "./backoff.js";

const PASSING = new Set([408, 425, 429]);
const PASSING_CODES = new Set(["idempotency_in_flight", "upload_truncated", "upload_stalled"]);
const SUFFIXES = {
  webm: "webm",
  ogg: "ogg",
  wav: "wav",
  mpeg: "mp3",
  mp4: "m4a",
  flac: "flac",
  aac: "aac",
  amr: "amr",
  "x-caf": "caf",
  aiff: "aiff",
  basic: "au",
  "x-w64": "w64",
  "x-ms-wma": "wma",
};

/**
 * @param {object} given
 * @param {string} given.api
 * @param {Recording} given.recording
 * @param {Blob} given.data
 * @param {TokenSource} given.token
 * @param {number} given.stallSeconds
 * @param {AbortSignal} given.signal
 * @param {(progress: number) => void} given.onProgress
 * @returns {Promise<Outcome>}
 */
export async function upload(given) {
  const first = await attempt(given, false);
  return meaning(first.status === 401 ? await attempt(given, true) : first);
}

/**
 * @param {Parameters<typeof upload>[0]} given
 * @param {boolean} refresh whether the last token was not taken
 */
async function attempt({ api, recording, data, token, stallSeconds, signal, onProgress }, refresh) {
  const { id, session, question } = recording;
  const bearer = await token({ refresh, session, question });
  const form = new FormData();
  form.append("audio", data, `answer.${suffixOf(data.type)}`);
  const path = `/api/upload-answer/${encodeURIComponent(session)}/${encodeURIComponent(question)}`;
  const headers = { Authorization: `Bearer ${bearer}`, "Idempotency-Key": id };
  return post(api + path, form, headers, { stallSeconds, signal, onProgress });
}

/**
 * XMLHttpRequest, for it alone tells how much of a body is sent: what stalls is given up, what is slow is not.
 * @param {string} url
 * @param {FormData} form
 * @param {Record<string, string>} headers
 * @param {{ stallSeconds: number, signal: AbortSignal, onProgress: (progress: number) => void }} watch
 * @returns {Promise<Reply>}
 */
function post(url, form, headers, { stallSeconds, signal, onProgress }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const giveUp = () => request.abort();
    let stalled = setTimeout(giveUp, stallSeconds * 1000);
    const goesOn = () => {
      clearTimeout(stalled);
      stalled = setTimeout(giveUp, stallSeconds * 1000);
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => {
      goesOn();
      if (total) onProgress(loaded / total);
    };
    request.onprogress = goesOn;
    request.onloadend = () => {
      clearTimeout(stalled);
      signal.removeEventListener("abort", giveUp);
      const retryAfter = request.status ? request.getResponseHeader("Retry-After") : null;
      resolve({ status: request.status, text: request.responseText, retryAfter });
    };
    if (signal.aborted) return resolve({ status: 0, text: "", retryAfter: null });
    signal.addEventListener("abort", giveUp);
    request.send(form);
  });
}

/**
 * Only 202 with the file's id means that the server has it: a portal in between may answer anything.
 * @param {Reply} reply
 * @returns {Outcome}
 */
export function meaning({ status, text, retryAfter: header }) {
  const body = jsonOf(text);
  if (status === 202 && typeof body.file_id === "string") return { kind: "accepted", answer: body };
  const problem = problemOf(status, body);
  const retryAfter = retryAfterOf(header);
  const isLasting = status >= 400 && status < 500 && !PASSING.has(status) && !PASSING_CODES.has(problem.code);
  if (isLasting && retryAfter === null) return { kind: "refused", problem };
  return { kind: "later", problem, retryAfter, offline: status === 0 };
}

/**
 * @param {number} status
 * @param {Record<string, unknown>} body
 * @returns {Problem}
 */
function problemOf(status, body) {
  if (status === 0) return { status, code: "network", detail: "The server could not be reached." };
  const detail = typeof body.detail === "string" ? body.detail : `The server answered ${status}.`;
  return { status, code: typeof body.code === "string" ? body.code : `http_${status}`, detail };
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function jsonOf(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

/** @param {string} type */
function suffixOf(type) {
  const kind = type.split(";")[0].split("/")[1] ?? "";
  return /** @type {Record<string, string>} */ (SUFFIXES)[kind] ?? "bin";
}
