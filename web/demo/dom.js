/** Elements without markup in strings, so that nothing anybody says becomes part of the page's code. */

/**
 * @param {string} tag a name, with classes after dots
 * @param {Record<string, unknown>} [given] attributes; with `on…`, listeners
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const MOST_SAID = 5;

/**
 * Said by screen readers, each message once and none in place of another.
 * @param {string} text
 */
export function announce(text) {
  const place = /** @type {HTMLElement} */ (document.getElementById("announce"));
  place.append(h("p", {}, text));
  while (place.children.length > MOST_SAID) place.firstElementChild?.remove();
}

/** @param {unknown} [trouble] shown until it is called without one */
export function complain(trouble) {
  const place = /** @type {HTMLElement} */ (document.getElementById("trouble"));
  place.hidden = !trouble;
  place.textContent = trouble ? String(/** @type {any} */ (trouble).message ?? trouble) : "";
}

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {number} seconds */
export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
