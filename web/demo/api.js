/** The API as the demo page uses it. */

import { checked, send } from "../call.js";

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
  async #send(method, path, more, refresh) {
    return send(method, path, { ...more, token: await this.token({ refresh }) });
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
  const { body } = await checked(await send("POST", "/local/token", { token: known?.token }));
  const guest = { token: body.token, user: body.user_id, until: Date.now() + body.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify(guest));
  return guest;
}
