/** The API as the demo page uses it: with the token of this browser's guest. */

import { call, Problem } from "../call.js";
import { load, save } from "./store.js";

const KEY = "viva-voce-demo-token";
const RENEW_BEFORE = 3600_000;
const PATIENCE_SECONDS = 10;
const LOST = { status: 401, code: "guest_lost", detail: "This browser has no valid key to the interview any more." };

/**
 * @typedef {{ token: string, user: string, until: number }} Guest
 * @typedef {{ gives: import("../answers.d.ts").Expected, body?: unknown, headers?: Record<string, string> }} More
 */

export class Api {
  /** @type {Promise<Guest> | null} */
  #asking = null;
  #user;

  /** @param {string} [user] whose tokens alone will do; anybody's if left out */
  constructor(user) {
    this.#user = user;
  }

  /** A bearer token of this browser's guest. */
  token = async ({ refresh = false } = {}) => (await this.#guest(refresh)).token;

  /** @param {string} [user] who asks from now on; whoever it may be, if left out */
  be(user) {
    this.#user = user;
  }

  /**
   * Call with JSON, and once more with a new token if the old one is not taken; a Problem where there is no answer.
   * @param {string} method
   * @param {string} path
   * @param {More} more
   */
  async call(method, path, more) {
    try {
      return await this.#call(method, path, more, false);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === 401 && problem.code !== LOST.code)) throw problem;
      return this.#call(method, path, more, true);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {More} more
   * @param {boolean} refresh
   */
  async #call(method, path, more, refresh) {
    return call(method, path, { ...more, token: await this.token({ refresh }), seconds: PATIENCE_SECONDS });
  }

  /** @param {boolean} refresh */
  async #guest(refresh) {
    /** @type {Guest | null} */
    const known = load("localStorage", KEY);
    const isGood = known && !refresh && known.until - RENEW_BEFORE > Date.now();
    if (isGood) return this.#mine(known);
    this.#asking ??= ask(known).finally(() => (this.#asking = null));
    const guest = this.#mine(await this.#asking);
    save("localStorage", KEY, guest);
    return guest;
  }

  /**
   * Nobody becomes another guest without a word.
   * @param {Guest} guest
   */
  #mine(guest) {
    if (this.#user !== undefined && guest.user !== this.#user) throw new Problem(LOST, false);
    return guest;
  }
}

/**
 * @param {Guest | null} known
 * @returns {Promise<Guest>}
 */
async function ask(known) {
  /** @type {import("../answers.d.ts").Expected} */
  const gives = { 200: { token: "string", user_id: "string", expires_in: "number" } };
  const { body } = await call("POST", "/local/token", { gives, token: known?.token, seconds: PATIENCE_SECONDS });
  return { token: body.token, user: body.user_id, until: Date.now() + body.expires_in * 1000 };
}
