/** The verdict, the tab's title, and the age of what is old: told anew each second. */

import { announce } from "../demo/dom.js";
import { at } from "./parts.js";
import { listenToSpans, showTrends, total } from "./trends.js";
import { judge } from "./verdict.js";
import { age, moment } from "./words.js";

const NAME = "Operations · Viva Voce";
/** What is asked for less often is old later. */
const SLOW = "trends";

/** What was seen last. @type {{ now: any, trends: any }} */
export const standing = { now: null, trends: null };

let kind = "";

export function forgetStanding() {
  standing.now = standing.trends = null;
  kind = "";
  document.title = NAME;
  at("pulse").textContent = "";
}

/** @param {import("./looks.js").Looks} looks */
export function listenToStanding(looks) {
  listenToSpans(() => standing.trends && showTrends(standing.trends));
  setInterval(() => showStanding(looks), 1000);
}

/** @param {import("./looks.js").Looks} looks */
export function showStanding(looks) {
  const figures = looks.sight("figures");
  const time = Date.now();
  for (const { name } of looks.all) showAge(name, looks.sight(name), time, figures.why);
  if (standing.now === null) {
    if (figures.why) document.title = `Blind · ${NAME}`;
    return;
  }
  const old = figures.isOld(time) ? { seconds: figures.seconds(time), seen: figures.seen ?? time, why: figures.reason } : null;
  const day = standing.trends ? total(standing.trends.day.bins) : null;
  showVerdict(judge({ now: standing.now, day, old, isHidden: document.hidden }));
  showPulse(figures, time);
}

/** @param {import("./verdict.js").Verdict} verdict */
function showVerdict(verdict) {
  document.title = `${verdict.title} · ${NAME}`;
  if (verdict.kind === "paused") return;
  const place = at("verdict");
  place.className = `verdict ${verdict.kind}`;
  if (place.textContent !== verdict.text) place.textContent = verdict.text;
  if (kind && kind !== verdict.kind) announce(verdict.text);
  kind = verdict.kind;
}

/**
 * @param {import("./sight.js").Sight} figures
 * @param {number} time
 */
function showPulse(figures, time) {
  const isOld = figures.isOld(time);
  at("pulse").className = document.hidden ? "pulse paused" : isOld ? "pulse lost" : "pulse";
  at("pulse").textContent = document.hidden ? "Paused while not seen" : `${isOld ? "Old: of" : "Updated"} ${moment(figures.seen)}`;
}

/**
 * Mark what is old, with its age and why.
 * @param {string} name
 * @param {import("./sight.js").Sight} sight
 * @param {number} time
 * @param {string | null} known why the figures are old, which the verdict says already
 */
function showAge(name, sight, time, known) {
  const isOld = name === SLOW ? sight.seen !== null && sight.why !== null : sight.isOld(time);
  at(`part-${name}`).classList.toggle("old", isOld);
  const note = at(`age-${name}`);
  note.hidden = !isOld && sight.why === null;
  note.textContent = note.hidden ? "" : told(sight, time, known);
}

/**
 * @param {import("./sight.js").Sight} sight
 * @param {number} time
 * @param {string | null} known
 */
function told(sight, time, known) {
  const how = sight.seen === null ? "Not seen yet" : `${age(sight.seconds(time))} old, of ${moment(sight.seen)}`;
  return sight.reason === known ? `${how}.` : `${how}: ${sight.reason}`;
}
