/** The API as the demo page uses it: with the token of this browser's guest. */

import { call, Problem } from "../call.js";
import { load, save } from "./store.js";

const KEY = "viva-voce-demo-token";
const EARLIER = "viva-voce-demo-tokens";
const MOST_EARLIER = 20;
const RENEW_BEFORE = 3600_000;
const PATIENCE_SECONDS = 10;
const LOST = { status: 401, code: "guest_lost", detail: "This browser has no valid key to the interview any more." };

const LONGEST_SECONDS = 600; // where the server does not say

/**
 * @typedef {{ token: string, user: string, until: number, longest?: number }} Guest
 * @typedef {{ gives: import("../answers.d.ts").Expected, body?: unknown, headers?: Record<string, string> }} More
 */

export class Api {
  /** @type {Map<string | undefined, Promise<Guest>>} */
  #asking = new Map();
  #user;

  /** @param {string} [user] whose tokens alone will do; anybody's if left out */
  constructor(user) {
    this.#user = user;
  }

  /** A bearer token of this browser's guest, or of an earlier one whose recordings are still here. */
  token = async ({ refresh = false, owner = "" } = {}) => (await this.#guest(refresh, owner || this.#user)).token;

  /** How long a recording may be, in seconds. */
  get longestSeconds() {
    return kept(this.#user)?.longest ?? LONGEST_SECONDS;
  }

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

  /**
   * Nobody becomes another guest without a word.
   * @param {boolean} refresh
   * @param {string | undefined} user
   */
  async #guest(refresh, user) {
    const known = kept(user);
    if (known && !refresh && known.until - RENEW_BEFORE > Date.now()) return known;
    const asking = this.#asking.get(user) ?? ask(known).finally(() => this.#asking.delete(user));
    this.#asking.set(user, asking);
    const guest = await asking;
    if (user !== undefined && guest.user !== user) throw new Problem(LOST, false);
    keep(guest, user === this.#user);
    return guest;
  }
}

/**
 * @param {string | undefined} user
 * @returns {Guest | null}
 */
function kept(user) {
  /** @type {Guest | null} */
  const current = load("localStorage", KEY);
  if (user === undefined || current?.user === user) return current;
  return earlier().find((guest) => guest.user === user) ?? null;
}

/** @returns {Guest[]} */
const earlier = () => load("localStorage", EARLIER) ?? [];

/**
 * @param {Guest} guest
 * @param {boolean} isCurrent
 */
function keep(guest, isCurrent) {
  const others = earlier().filter(({ user }) => user !== guest.user);
  save("localStorage", EARLIER, [guest, ...others].slice(0, MOST_EARLIER));
  if (isCurrent) save("localStorage", KEY, guest);
}

/**
 * @param {Guest | null} known
 * @returns {Promise<Guest>}
 */
async function ask(known) {
  /** @type {import("../answers.d.ts").Expected} */
  const gives = { 200: { token: "string", user_id: "string", expires_in: "number" } };
  const { body } = await call("POST", "/local/token", { gives, token: known?.token, seconds: PATIENCE_SECONDS });
  return { token: body.token, user: body.user_id, until: Date.now() + body.expires_in * 1000, longest: body.longest_seconds };
}
