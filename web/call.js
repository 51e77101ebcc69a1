/** One call of the API, and what can be wrong with it. */

import { hear, judge } from "./answers.js";

export class Problem extends Error {
  /**
   * @param {import("./recorder.d.ts").Problem} problem
   * @param {boolean} isPassing whether the same call may do better later; otherwise the API itself has said no
   */
  constructor({ status, code, detail }, isPassing) {
    super(detail);
    this.status = status;
    this.code = code;
    this.isPassing = isPassing;
  }

  /** Whether it is the token that the API does not take. */
  get isOfToken() {
    return this.status === 401 || this.status === 403;
  }
}

/** Where the API is: nothing, or the prefix under which this file is served. */
export const BASE = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/**
 * What the API answers; a Problem where it refuses, or where no answer of its own comes.
 * @param {string} method
 * @param {string} path
 * @param {object} more
 * @param {import("./answers.d.ts").Expected} more.gives the answers that are the API's own
 * @param {string | null} [more.token]
 * @param {unknown} [more.body]
 * @param {Record<string, string>} [more.headers]
 * @param {AbortSignal} [more.signal]
 * @param {number} [more.seconds] that it may take
 */
export async function call(method, path, { gives, token, body, headers = {}, signal, seconds }) {
  /** @type {Record<string, string>} */
  const all = { ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  const json = body === undefined ? undefined : JSON.stringify(body);
  const heard = await hear(BASE + path, { method, headers: all, body: json, signal, seconds });
  const found = judge(heard, gives);
  if (found.is === "answer") return { status: found.status, headers: heard.headers, body: found.body };
  throw new Problem(found.problem, found.is === "later");
}
