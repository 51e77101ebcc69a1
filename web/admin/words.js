/** Numbers and moments, in words that a person reads at a glance. */

import { LANGUAGE } from "../demo/dom.js";

/** @param {number | null | undefined} seconds */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return "never";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** @param {number} count */
export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let left = count;
  let unit = 0;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${left < 10 && unit ? left.toFixed(1) : Math.round(left)} ${units[unit]}`;
}

/** @param {number} number */
export const grouped = (number) => number.toLocaleString(LANGUAGE);

const TIME = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
const DATE = /** @type {const} */ ({ year: "numeric", month: "short", day: "numeric" });

/**
 * A moment in the reader's own zone, which is named; the date where it is not today's.
 * @param {string | number | null | undefined} moment
 */
export function moment(moment) {
  if (!moment) return "unknown";
  const at = new Date(moment);
  const isToday = new Date().toDateString() === at.toDateString();
  return at.toLocaleString(LANGUAGE, isToday ? TIME : { ...DATE, ...TIME });
}

/** The name of the reader's zone, as moments show it. */
export function zone() {
  const parts = new Intl.DateTimeFormat(LANGUAGE, { timeZoneName: "short" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "local time";
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const times = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

/**
 * A share in percent that is never rounded to nothing or to all.
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  const share = (100 * part) / whole;
  if (part > 0 && share < 0.1) return "under 0.1 %";
  if (part < whole && share > 99) return "over 99 %";
  return `${share < 20 ? Math.round(10 * share) / 10 : Math.round(share)} %`;
}

/** @param {string} code */
export const spoken = (code) => code.replaceAll("_", " ");

/** @param {Record<string, number>} numbers */
export const sum = (numbers) => Object.values(numbers).reduce((all, number) => all + number, 0);
