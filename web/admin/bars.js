/** A small drawing of numbers in a row; what is not known is left out, and looks so. */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 40;
const STEP = 4;

/**
 * @param {(number | null)[]} values
 * @param {string} words what the drawing says, for who does not see it
 */
export function barsOf(values, words) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const box = `0 0 ${values.length * STEP} ${HEIGHT}`;
  const drawing = svg("svg", { viewBox: box, preserveAspectRatio: "none", role: "img", "aria-label": words });
  values.forEach((value, index) => drawing.append(value === null ? gap(index) : bar(index, value, most)));
  return drawing;
}

/**
 * @param {number} index
 * @param {number} value
 * @param {number} most
 */
function bar(index, value, most) {
  const height = value ? Math.max(2, (value / most) * HEIGHT) : 0.75;
  return svg("rect", { x: index * STEP, y: HEIGHT - height, width: STEP - 1, height });
}

/** @param {number} index */
const gap = (index) => svg("rect", { class: "gap", x: index * STEP, y: 0, width: STEP, height: HEIGHT });

/**
 * @param {string} name
 * @param {Record<string, string | number>} given
 */
function svg(name, given) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, String(value));
  return made;
}
