/** The operators' API. The token lives in this tab's session storage and nowhere else. */

const KEY = "viva-voce-admin-token";
const PATIENCE = 20_000;

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

  /** Whether it is the token that is not good enough. */
  get isOfToken() {
    return this.status === 401 || this.status === 403;
  }
}

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
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token.get()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const how = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const answer = await reached(path, how);
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw new Problem(answer.status, said.code ?? "unknown", said.detail ?? `The server answered ${answer.status}.`);
}

/**
 * @param {string} path
 * @param {RequestInit} how
 */
async function reached(path, how) {
  try {
    return await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...how });
  } catch {
    throw new Problem(0, "network", "The server cannot be reached.");
  }
}
