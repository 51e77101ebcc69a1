/** What came, ended, failed and waited in the last hour or day: small drawings, each also in words and as a table. */

import { h } from "../demo/dom.js";
import { at, swap } from "./parts.js";
import { barsOf } from "./bars.js";
import { isTooMany } from "./verdict.js";
import { grouped, moment } from "./words.js";

const LINES = /** @type {const} */ ([
  ["accepted", "Arrived", "recordings"],
  ["completed", "Completed", "answers"],
  ["failed", "Failed", "answers"],
  ["waiting", "Waiting, at most", "answers at most"],
]);
const SPANS = { hour: { said: "the last hour", bin: "a minute", together: 5 }, day: { said: "the last day", bin: "15 minutes", together: 4 } };

/** @typedef {keyof typeof SPANS} Span */
/** @typedef {{ since: string, seen: boolean, accepted: number, completed: number, failed: number, waiting: number | null }} Bin */
/** @typedef {"accepted" | "completed" | "failed" | "waiting"} Line */

/** @param {{ hour: { bins: Bin[] }, day: { bins: Bin[] } }} trends */
export function showTrends(trends) {
  const span = chosen();
  const { bins } = trends[span];
  swap(at("trends"), bins.some((bin) => bin.seen) ? LINES.map((line) => figure(span, bins, line)) : [nothing(span)]);
  if (at("trend-table").open) showTable(span, bins);
}

/** @returns {Span} */
export const chosen = () => (at("span-day").checked ? "day" : "hour");

/** @param {() => void} show */
export function listenToSpans(show) {
  for (const id of ["span-hour", "span-day"]) at(id).addEventListener("change", show);
  at("trend-table").addEventListener("toggle", show);
}

/** @param {Span} span */
const nothing = (span) => h("p.hint", {}, `Nothing is known of ${SPANS[span].said}: the sweep notes these figures once a minute, and has not yet.`);

/**
 * @param {Span} span
 * @param {Bin[]} bins
 * @param {typeof LINES[number]} line
 */
function figure(span, bins, [name, title, what]) {
  const values = bins.map((bin) => (bin.seen ? bin[name] : null));
  const isBad = name === "failed" && isTooMany(total(bins));
  const caption = h("figcaption", {}, h("b", {}, title), " ", h("span", {}, grouped(number(name, values))));
  return h(isBad ? "figure.trend.bad" : "figure.trend", {}, caption, barsOf(values, inWords(span, bins, values, name, what)));
}

/** @param {Bin[]} bins */
export function total(bins) {
  const of = (/** @type {"completed" | "failed"} */ name) => bins.reduce((all, bin) => all + bin[name], 0);
  return { completed: of("completed"), failed: of("failed") };
}

/**
 * All together, or of what waits the most.
 * @param {Line} name
 * @param {(number | null)[]} values
 */
function number(name, values) {
  const known = values.filter((value) => value !== null);
  return name === "waiting" ? Math.max(0, ...known) : known.reduce((all, value) => all + value, 0);
}

/**
 * @param {Span} span
 * @param {Bin[]} bins
 * @param {(number | null)[]} values
 * @param {Line} name
 * @param {string} what
 */
function inWords(span, bins, values, name, what) {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const missing = bins.filter((bin) => !bin.seen).length;
  const gap = missing ? ` Of ${missing} in ${bins.length} spans nothing is known.` : "";
  const all = `${grouped(number(name, values))} ${what} in ${SPANS[span].said}`;
  if (!most) return `${all}.${gap}`;
  const when = moment(bins[values.indexOf(most)].since);
  return name === "waiting" ? `${all}, at ${when}.${gap}` : `${all}, at most ${grouped(most)} in ${SPANS[span].bin}, at ${when}.${gap}`;
}

/**
 * @param {Span} span
 * @param {Bin[]} bins
 */
function showTable(span, bins) {
  const { together } = SPANS[span];
  const head = ["From", ...LINES.map(([, title]) => title)].map((name, index) => h(index ? "th.number" : "th", { scope: "col" }, name));
  const rows = [];
  for (let first = 0; first < bins.length; first += together) rows.unshift(tableRow(bins.slice(first, first + together)));
  const table = h("table.reasons", {}, h("caption.unseen", {}, `What came and went in ${SPANS[span].said}`), h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  swap(at("trend-rows"), [table]);
}

/** @param {Bin[]} bins */
function tableRow(bins) {
  const known = bins.filter((bin) => bin.seen);
  const cells = LINES.map(([name]) => (known.length ? grouped(number(name, known.map((bin) => bin[name]))) : null));
  const shown = cells.map((cell) => h("td.number", { "aria-label": cell === null && "unknown" }, cell ?? "–"));
  return h("tr", {}, h("th", { scope: "row" }, moment(bins[0].since)), ...shown);
}
