/** The operators' API. The token lives in this tab's session storage, or in the page where there is none, and nowhere else. */

import { call } from "../call.js";
import { forget, loadText, saveText } from "../demo/store.js";

const KEY = "viva-voce-admin-token";

/** What the API gives under each path: the first that matches. @type {[RegExp, import("../answers.d.ts").Expected][]} */
const GIVES = [
  [/^\/api\/admin\/overview$/, { 200: { queued: "object", processing: "object", failed: "object", workers: "array" } }],
  [/^\/api\/admin\/sessions$/, { 200: { sessions: "array" } }],
  [/^\/api\/admin\/stuck$/, { 200: { stuck: "array", seconds: "number" } }],
  [/^\/api\/admin\/trends$/, { 200: { bins: "array" } }],
  [/^\/api\/admin\/failed$/, { 200: { failed: "array" } }],
  [/^\/api\/admin\/failed\/retry$/, { 200: { answers: "array" } }],
  [/^\/api\/admin\/audit$/, { 200: { entries: "array" } }],
  [/^\/api\/admin\/answers\/[^/]+\/[^/]+\/(retry|score)$/, { 202: { status: "string", question_id: "string" } }],
  [/^\/api\/admin\/answers\/[^/]+\/[^/]+\/fail$/, { 200: { status: "string", question_id: "string" } }],
  [/^\/api\/admin\/sweep$/, { 200: { counts: "array" } }],
  [/^\/api\/sessions\/[^/]+$/, { 200: { session_id: "string", questions: "array", answers: "object" } }],
];

export const token = {
  get: () => loadText("sessionStorage", KEY),
  /** @param {string} value */
  set: (value) => saveText("sessionStorage", KEY, value),
  forget: () => forget("sessionStorage", KEY),
};

/**
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [asked]
 */
export function get(path, asked = {}) {
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return answered("GET", path, given.length ? `?${query}` : "");
}

/**
 * @param {string} path
 * @param {unknown} [body]
 */
export const post = (path, body) => answered("POST", path, "", body);

/**
 * @param {string} method
 * @param {string} path
 * @param {string} query
 * @param {unknown} [body]
 */
async function answered(method, path, query, body) {
  const [, gives] = GIVES.find(([known]) => known.test(path)) ?? [];
  if (!gives) throw new Error(`Nothing is known of what ${path} gives.`);
  return (await call(method, path + query, { token: token.get(), body, gives })).body;
}
