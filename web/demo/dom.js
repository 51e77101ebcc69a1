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

/**
 * A field of which the browser says what is wrong before anything is sent.
 * @param {any} field
 * @param {(text: string) => string} faultOf nothing where it may stay so
 */
export function checked(field, faultOf) {
  const look = () => field.setCustomValidity(faultOf(field.value));
  field.addEventListener("input", look);
  look();
  return field;
}

/**
 * A button that a double click presses once, and a key that is held down too.
 * @param {HTMLButtonElement} button
 */
export function steady(button) {
  button.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault());
  button.addEventListener("click", (event) => event.detail > 1 && event.stopImmediatePropagation(), { capture: true });
  return button;
}

/** @param {string} text */
export const isBlank = (text) => text.length > 0 && !text.trim();

/** Figures and moments are written as the words around them are: in the browser's own English, or in one that all know. */
export const LANGUAGE = globalThis.navigator?.language?.startsWith("en") ? navigator.language : "en-GB";

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
