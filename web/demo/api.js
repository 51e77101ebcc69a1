/** The API as the demo page uses it. */

import { call, Problem } from "../call.js";

const KEY = "viva-voce-demo-token";
const RENEW_BEFORE = 3600_000;

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
   * Call with JSON, and once more with a new token if the API does not take the old one.
   * @param {string} method
   * @param {string} path
   * @param {Omit<Parameters<typeof call>[2], "token">} more
   */
  async call(method, path, more) {
    const send = async (/** @type {boolean} */ refresh) => call(method, path, { ...more, token: await this.token({ refresh }) });
    return send(false).catch((problem) => {
      if (problem instanceof Problem && problem.status === 401) return send(true);
      throw problem;
    });
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
  const { body } = await call("POST", "/local/token", { token: known?.token, gives: { 200: { token: "string", user_id: "string", expires_in: "number" } } });
  const guest = { token: body.token, user: body.user_id, until: Date.now() + body.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify(guest));
  return guest;
}
