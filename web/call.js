/** One call of the API, and what can be wrong with it. */

const PASSING = [408, 409, 425, 429];

export class Problem extends Error {
  /**
   * @param {number} status 0 where the server was not reached
   * @param {string} code
   * @param {string} detail
   */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }

  /** Whether the same call may do better later. */
  get isPassing() {
    return this.status === 0 || this.status >= 500 || PASSING.includes(this.status);
  }

  /** Whether it is the token that is not good enough. */
  get isOfToken() {
    return this.status === 401 || this.status === 403;
  }
}

/** Where the API is: nothing, or the prefix under which this file is served. */
export const BASE = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/**
 * What the server answers, whatever it is; a Problem if it is not reached.
 * @param {string} method
 * @param {string} path
 * @param {{ token?: string | null, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [more]
 */
export async function send(method, path, { token, body, headers = {}, signal } = {}) {
  /** @type {Record<string, string>} */
  const all = { ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  const json = body === undefined ? undefined : JSON.stringify(body);
  try {
    return await fetch(BASE + path, { method, headers: all, body: json, cache: "no-store", signal });
  } catch {
    throw new Problem(0, "network", "The server cannot be reached.");
  }
}

/**
 * What the answer says; a Problem if it is an error.
 * @param {Response} answer
 */
export async function checked(answer) {
  const { status, headers } = answer;
  const body = status === 304 ? null : await answer.json().catch(() => ({}));
  if (answer.ok || status === 304) return { status, headers, body };
  throw new Problem(status, body.code ?? "unknown", body.detail ?? `The server answered ${status}.`);
}
