/** Whether all is well, in a sentence and in the tab's title; nothing is said to be well that is not seen. */

import { age, grouped, moment, percent, spoken, sum, times } from "./words.js";

const LATE_SWEEP = 120;
const LONG_WAIT = 300;
/** Above this share of what ended, failures are trouble. */
export const MOST_FAILING = 0.1;

/**
 * @typedef {{ completed: number, failed: number }} Ends what ended in a span
 * @typedef {{ kind: "well" | "bad" | "blind" | "paused", title: string, text: string }} Verdict
 */

/**
 * @param {{ now: any, day: Ends | null, old: { seconds: number, seen: number, why: string } | null, isHidden: boolean }} seen
 * @returns {Verdict}
 */
export function judge({ now, day, old, isHidden }) {
  const wrong = troubles(now, day);
  if (isHidden) return { kind: "paused", title: "Paused", text: "Paused while nobody sees this page." };
  if (old) {
    const text = `Blind: ${old.why} What is shown is how things stood at ${moment(old.seen)}; how they stand now is not known.`;
    return { kind: "blind", title: `Blind for ${age(old.seconds)}`, text };
  }
  if (wrong.length) return { kind: "bad", title: `▲ ${times(wrong.length, "trouble")}`, text: wrong.join(" ") };
  return { kind: "well", title: "All well", text: `All is well: nothing is stuck, and every part answers. ${few(hourOf(now))}` };
}

/**
 * @param {any} now
 * @param {Ends | null} day
 */
export function troubles(now, day) {
  const stuck = sum(now.stuck);
  const found = [];
  if (!now.workers.length) found.push("No worker runs: start one.");
  if (!now.broker) found.push("Redis does not answer: answers are kept, and found by the sweep.");
  found.push(...failing(now, day));
  if (stuck) found.push(`${times(stuck, "recording")} stuck for over ${age(now.stuck_seconds)}.`);
  if (now.queued.oldest_seconds > LONG_WAIT) found.push(`The oldest answer has waited for ${age(now.queued.oldest_seconds)}.`);
  if (now.sweep.age_seconds === null || now.sweep.age_seconds > LATE_SWEEP) {
    found.push(`The sweep last ran ${now.sweep.runs ? `${age(now.sweep.age_seconds)} ago` : "never"}: look at beat and its worker.`);
  }
  return found;
}

/**
 * @param {any} now
 * @returns {Ends}
 */
export const hourOf = (now) => ({ completed: now.completed["60"], failed: sum(now.failed.hour) });

/**
 * The hour, or else the day: the one is in the other.
 * @param {any} now
 * @param {Ends | null} day
 */
function failing(now, day) {
  const hour = hourOf(now);
  if (isTooMany(hour)) return [`${share(hour)} that ended within the hour failed${mostly(now.failed.hour)}.`];
  if (day && isTooMany(day)) return [`${share(day)} that ended within the day failed${mostly(now.failed.day)}.`];
  return [];
}

/** @param {Ends} ends */
export const isTooMany = ({ completed, failed }) => failed > MOST_FAILING * (completed + failed);

/** @param {Ends} ends */
function share({ completed, failed }) {
  const all = completed + failed;
  return `${grouped(failed)} of ${times(all, "answer")} (${percent(failed, all)})`;
}

/** @param {Ends} hour */
function few(hour) {
  return hour.failed ? `${share(hour)} failed within the hour.` : "No answer failed within the hour.";
}

/** @param {Record<string, number>} codes */
function mostly(codes) {
  const [first] = Object.entries(codes).sort(([, a], [, b]) => b - a);
  return first ? `, mostly for ${spoken(first[0])}` : "";
}
