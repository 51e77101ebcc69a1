/** The operators' API. The token lives in this tab's session storage and nowhere else. */

import { checked, send } from "../call.js";

const KEY = "viva-voce-admin-token";
const PATIENCE = 20_000;

export const token = {
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/**
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [asked]
 */
export function get(path, asked = {}) {
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return call("GET", given.length ? `${path}?${query}` : path);
}

/**
 * @param {string} path
 * @param {unknown} [body]
 */
export const post = (path, body) => call("POST", path, body);

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 */
async function call(method, path, body) {
  const signal = AbortSignal.timeout(PATIENCE);
  return (await checked(await send(method, path, { token: token.get(), body, signal }))).body;
}
