/** The browser's storage; where it lets nothing in, or may not be touched at all, the page's own memory. */

/** @type {Map<string, string>} */
const spare = new Map();

/** @typedef {"localStorage" | "sessionStorage"} Where */

/**
 * @param {Where} where
 * @param {string} key
 * @returns {any} null if there is nothing, or nothing that can be read
 */
export function load(where, key) {
  try {
    return JSON.parse(loadText(where, key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {Where} where
 * @param {string} key
 * @param {unknown} value
 */
export const save = (where, key, value) => saveText(where, key, JSON.stringify(value));

/**
 * @param {Where} where
 * @param {string} key
 * @returns {string | null}
 */
export function loadText(where, key) {
  try {
    return spare.get(where + key) ?? globalThis[where].getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {Where} where
 * @param {string} key
 * @param {string} text
 */
export function saveText(where, key, text) {
  try {
    globalThis[where].setItem(key, text);
    spare.delete(where + key);
  } catch {
    spare.set(where + key, text);
  }
}

/**
 * @param {Where} where
 * @param {string} key
 */
export function forget(where, key) {
  spare.delete(where + key);
  try {
    globalThis[where].removeItem(key);
  } catch {
    // nothing of it is there
  }
}
