/**
 * One attempt to hand a recording to the server, and what its answer means.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("../recorder.js").TokenSource} TokenSource
 * @typedef {import("../answers.d.ts").Found} Found
 * @typedef {import("../answers.d.ts").Heard} Heard
 */

import { judge, NOTHING } from "../answers.js";

/** @type {import("../answers.d.ts").Expected} */
export const GIVES = { 202: { file_id: "string" } };
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
 * @param {Recording} given.recording
 * @param {Blob} given.data
 * @param {TokenSource} given.token
 * @param {number} given.stallSeconds
 * @param {AbortSignal} given.signal
 * @param {(progress: number) => void} given.onProgress
 * @returns {Promise<Found>}
 */
export async function upload(given) {
  const found = judge(await attempt(given, false), GIVES);
  return found.is === "refusal" && found.problem.status === 401 ? judge(await attempt(given, true), GIVES) : found;
}

/**
 * @param {Parameters<typeof upload>[0]} given
 * @param {boolean} refresh whether the last token was not taken
 */
async function attempt({ recording, data, token, stallSeconds, signal, onProgress }, refresh) {
  const { id, api, session, question } = recording;
  const bearer = await bearerOf({ recording, token, stallSeconds }, refresh);
  const form = new FormData();
  form.append("audio", data, `answer.${suffixOf(data.type)}`);
  const path = `/api/upload-answer/${encodeURIComponent(session)}/${encodeURIComponent(question)}`;
  const headers = { Authorization: `Bearer ${bearer}`, "Idempotency-Key": id };
  return post(api + path, form, headers, { stallSeconds, signal, onProgress });
}

/**
 * The token of who recorded it.
 * @param {{ recording: Recording, token: TokenSource, stallSeconds: number }} given
 * @param {boolean} refresh
 */
export function bearerOf({ recording: { owner, session, question }, token, stallSeconds }, refresh) {
  return within(stallSeconds, token({ refresh, owner, session, question }));
}

/**
 * @template T
 * @param {number} seconds
 * @param {Promise<T> | T} asked
 * @returns {Promise<T>}
 */
function within(seconds, asked) {
  return Promise.race([asked, new Promise((_, late) => setTimeout(late, seconds * 1000))]);
}

/**
 * XMLHttpRequest, for it alone tells how much of a body is sent: what stalls is given up, what is slow is not.
 * @param {string} url
 * @param {FormData} form
 * @param {Record<string, string>} headers
 * @param {{ stallSeconds: number, signal: AbortSignal, onProgress: (progress: number) => void }} watch
 * @returns {Promise<Heard>}
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
      const header = (/** @type {string} */ name) => (request.status ? request.getResponseHeader(name) : null);
      resolve({ status: request.status, type: header("Content-Type"), text: request.responseText, retryAfter: header("Retry-After") });
    };
    if (signal.aborted) return resolve(NOTHING);
    signal.addEventListener("abort", giveUp);
    request.send(form);
  });
}

/** @param {string} type */
function suffixOf(type) {
  const kind = type.split(";")[0].split("/")[1] ?? "";
  return /** @type {Record<string, string>} */ (SUFFIXES)[kind] ?? "bin";
}
