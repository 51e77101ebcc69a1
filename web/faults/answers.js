/**
 * Answers that are not what was asked for, for the rules of `network`.
 *
 * @typedef {import("../faults.d.ts").Answer} Answer
 */

const HTML = "text/html; charset=utf-8";

/** The sign-in page of a hotel's network. @type {Answer} */
export const PORTAL = Object.freeze({
  status: 200,
  type: HTML,
  body: "<!doctype html><title>Sign in</title><h1>Welcome to our network</h1><form><input name=room></form>",
});

/** A success without a word. @type {Answer} */
export const EMPTY = Object.freeze({ status: 200, type: "application/json", body: "" });

/** A body of which the connection delivers half. @type {Answer} */
export const CUT = Object.freeze({ status: 200, type: "application/json", body: '{"session_id": "0c9', isCut: true });

/**
 * The page of a firewall, a proxy or a deployment, like 401, 403, 404, 413, 502 or 503.
 * @param {number} status
 * @returns {Answer}
 */
export function page(status) {
  return { status, type: HTML, body: `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>` };
}

/**
 * The API's own refusal.
 * @param {number} status
 * @param {string} code
 * @param {Record<string, string>} [headers] like `{ "Retry-After": "7" }`
 * @returns {Answer}
 */
export function problem(status, code, headers = {}) {
  const body = { type: `https://viva-voce.example/problems/${code}`, title: code, status, code, detail: `A test says ${code}.` };
  return { status, type: "application/problem+json", body: JSON.stringify(body), headers };
}
