/** The browser's storage; where it lets nothing in, or may not be touched at all, the page's own memory. */

/** @type {Map<string, string>} */
const spare = new Map();

/**
 * @param {"localStorage" | "sessionStorage"} where
 * @param {string} key
 * @returns {any} null if there is nothing, or nothing that can be read
 */
export function load(where, key) {
  try {
    return JSON.parse(spare.get(where + key) ?? globalThis[where].getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {"localStorage" | "sessionStorage"} where
 * @param {string} key
 * @param {unknown} value
 */
export function save(where, key, value) {
  const text = JSON.stringify(value);
  try {
    globalThis[where].setItem(key, text);
    spare.delete(where + key);
  } catch {
    spare.set(where + key, text);
  }
}
