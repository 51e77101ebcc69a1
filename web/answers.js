/**
 * Which answers are the API's own: one rule for whoever calls it.
 *
 * A hotel's portal, a firewall, a proxy or half a deployment answers anything, with any status. An answer is the API's own
 * only if its status, its media type and its shape are what the API gives; anything else says nothing about what was
 * asked: it is never final, never shown, and told as a missing connection.
 *
 *     const heard = await hear(url, { method: "POST", headers, seconds: 20 });
 *     const found = judge(heard, { 200: { final_score: "number" }, 202: { retry_after: "number" } });
 *
 * @typedef {import("./answers.d.ts").Kind} Kind
 * @typedef {import("./answers.d.ts").Expected} Expected
 * @typedef {import("./answers.d.ts").Heard} Heard
 * @typedef {import("./answers.d.ts").Found} Found
 * @typedef {import("./recorder.d.ts").Problem} Problem
 */

import { retryAfterOf } from "./recorder/backoff.js";

const PASSING = new Set([408, 425, 429]);
const PASSING_CODES = new Set(["idempotency_in_flight", "upload_truncated", "upload_stalled"]);
const REGISTERED = "https://iana.org/assignments/http-problem-types#";
const LONGEST_FOREIGN_WAIT = 60;

/** @type {Heard} */
export const NOTHING = { status: 0, type: null, text: "", retryAfter: null };

/** @type {Problem} */
export const NO_CONNECTION = { status: 0, code: "no_connection", detail: "There is no connection to the server at the moment." };

/**
 * What an answer means: what was asked for, the API's own refusal for good, or something to try again.
 * @param {Heard} heard
 * @param {Expected} expected
 * @returns {Found}
 */
export function judge({ status, type, text, retryAfter: header }, expected) {
  const media = type?.split(";")[0].trim().toLowerCase();
  const shape = expected[status];
  if (shape === null && !text) return { is: "answer", status, body: null };
  const body = jsonOf(text);
  if (shape && media === "application/json" && fits(body, shape)) return { is: "answer", status, body };
  const retryAfter = retryAfterOf(header);
  if (media !== "application/problem+json" || !isOwn(body, status)) {
    const problem = { ...NO_CONNECTION, ...(status && { answered: status }) };
    return { is: "later", problem, retryAfter: retryAfter && Math.min(retryAfter, LONGEST_FOREIGN_WAIT) };
  }
  const problem = { status, code: body.code, detail: body.detail };
  const isPassing = status >= 500 || PASSING.has(status) || PASSING_CODES.has(body.code) || retryAfter !== null;
  return isPassing ? { is: "later", problem, retryAfter } : { is: "refusal", problem };
}

/**
 * Ask, and hear the answer to its end; what is not there in time is no answer. Rejects only if the caller's signal aborts.
 * @param {string} url
 * @param {RequestInit & { seconds?: number }} [more]
 * @returns {Promise<Heard & { headers: Headers }>}
 */
export async function hear(url, { seconds = 20, signal, ...more } = {}) {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const timer = setTimeout(giveUp, seconds * 1000);
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    const answer = await fetch(url, { cache: "no-store", ...more, signal: abort.signal });
    const { status, headers } = answer;
    return { status, headers, type: headers.get("Content-Type"), text: await answer.text(), retryAfter: headers.get("Retry-After") };
  } catch {
    signal?.throwIfAborted();
    return { ...NOTHING, headers: new Headers() };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

/**
 * The API's problem details, as routes/errors.py gives them, of this very answer.
 * @param {any} body
 * @param {number} status
 */
function isOwn(body, status) {
  if (!fits(body, { type: "string", code: "string", detail: "string", status: "number" })) return false;
  const isNamed = body.type.endsWith(`/problems/${body.code}`) || body.type.startsWith(REGISTERED);
  return status >= 400 && body.status === status && isNamed;
}

/**
 * @param {any} body
 * @param {Record<string, Kind>} shape
 */
function fits(body, shape) {
  const has = (/** @type {[string, Kind]} */ [name, kind]) => Object.hasOwn(body, name) && kindOf(body[name]) === kind;
  return kindOf(body) === "object" && Object.entries(shape).every(has);
}

/** @param {unknown} value */
function kindOf(value) {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

/** @param {string} text */
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
