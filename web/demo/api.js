/** The API as the demo page uses it. */

const KEY = "viva-voce-demo-token";
const RENEW_BEFORE = 3600_000;

export class ApiProblem extends Error {
  /**
   * @param {number} status
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
    return this.status === 0 || this.status >= 500 || [408, 409, 425, 429].includes(this.status);
  }
}

export class Api {
  /** @type {Promise<{ token: string, user: string, until: number }> | null} */
  #asking = null;

  /** A bearer token of this browser's guest. */
  token = async ({ refresh = false } = {}) => (await this.#guest(refresh)).token;

  /** The guest's name. */
  async user() {
    return (await this.#guest(false)).user;
  }

  /**
   * Call with JSON, and once more with a new token if the old one is not taken.
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, headers?: Record<string, string> }} [more]
   */
  async call(method, path, more = {}) {
    const first = await this.#send(method, path, more, false);
    return first.status === 401 ? checked(await this.#send(method, path, more, true)) : checked(first);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, headers?: Record<string, string> }} more
   * @param {boolean} refresh
   */
  async #send(method, path, { body, headers = {} }, refresh) {
    /** @type {Record<string, string>} */
    const all = { Authorization: `Bearer ${await this.token({ refresh })}`, ...headers };
    if (body !== undefined) all["Content-Type"] = "application/json";
    return reached(path, { method, headers: all, body: body === undefined ? undefined : JSON.stringify(body) });
  }

  /** @param {boolean} refresh */
  async #guest(refresh) {
    const known = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (known && !refresh && known.until - RENEW_BEFORE > Date.now()) return known;
    this.#asking ??= ask(known).finally(() => (this.#asking = null));
    return this.#asking;
  }
}

/** @param {{ token: string } | null} known */
async function ask(known) {
  /** @type {Record<string, string>} */
  const headers = known ? { Authorization: `Bearer ${known.token}` } : {};
  const { body } = await checked(await reached("/local/token", { method: "POST", headers }));
  const guest = { token: body.token, user: body.user_id, until: Date.now() + body.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify(guest));
  return guest;
}

/**
 * @param {string} path
 * @param {RequestInit} how
 */
async function reached(path, how) {
  try {
    return await fetch(path, { cache: "no-store", ...how });
  } catch {
    throw new ApiProblem(0, "network", "The server cannot be reached.");
  }
}

/** @param {Response} answer */
async function checked(answer) {
  const body = answer.status === 304 ? null : await answer.json().catch(() => ({}));
  if (answer.ok || answer.status === 304) return { status: answer.status, headers: answer.headers, body };
  throw new ApiProblem(answer.status, body.code ?? "unknown", body.detail ?? `The server answered ${answer.status}.`);
}
