/** The figures at the top: what stands where. */

import { own } from "../own.js";
import { h } from "../demo/dom.js";
import { at, item, refill, swap } from "./parts.js";
import { hourOf, isTooMany } from "./verdict.js";
import { age, bytes, grouped, moment, percent, spoken, sum, times } from "./words.js";

/** @param {any} now */
export function showOverview(now) {
  swap(at("tiles"), tiles(now));
  showReasons(now.failed);
  const workers = now.workers.map(
    (/** @type {any} */ w) =>
      item([w.name], `${w.engine} · ${times(w.slots, "recording")} at once · seen ${moment(w.seen_at)}`),
  );
  refill(at("workers"), workers, "No worker has given a sign of life lately. Answers are kept and wait.");
}

/** @param {any} now */
function tiles(now) {
  const slots = now.workers.reduce((/** @type {number} */ all, /** @type {any} */ w) => all + w.slots, 0);
  const oldest = now.queued.number ? `oldest ${age(now.queued.oldest_seconds)}` : "nothing waits";
  const rings = now.broker ? `Redis answers, ${times(now.rings_waiting, "ring")} waiting` : "Redis does not answer";
  const stuck = sum(now.stuck);
  const { storage } = now;
  return [
    tile("Arriving", now.uploading.number, arriving(now.arriving)),
    tile("Calls", now.calls.open, calls(now.calls), isUnheard(now.calls)),
    tile("Waiting", now.queued.number, oldest),
    tile("In work", now.processing.number, `taken on by ${times(now.workers.length, "worker")} · ${slots} transcribed at once`, !slots),
    tile("Completed in 5 min", now.completed["5"], `${now.completed["1"]} in 1 min · ${now.completed["60"]} in an hour`),
    failures(now),
    tile("Stuck", stuck, stuck ? kinds(now.stuck) : `none over ${age(now.stuck_seconds)}`, stuck > 0),
    tile("To be scored", now.scoring.number, now.scoring.number ? `oldest ${age(now.scoring.oldest_seconds)}` : "all are scored"),
    tile("Recordings stored", storage.recordings, stored(storage)),
    tile("Last sweep", now.sweep.runs ? `${age(now.sweep.age_seconds)} ago` : "never", `stray audio ${audited(now.audit)} · ${rings}`),
  ];
}

/** @param {any} now */
function failures(now) {
  const hour = hourOf(now);
  const all = hour.completed + hour.failed;
  const part = all ? `${percent(hour.failed, all)} of ${grouped(all)} that ended` : "nothing ended";
  const more = `${part} · ${sum(now.failed.day)} in a day · ${sum(now.failed.ever)} in all`;
  return tile("Failed in an hour", hour.failed, more, isTooMany(hour));
}

/** @param {any} now */
function arriving(now) {
  return now.number ? `${grouped(now.number)} in pieces · ${bytes(now.bytes)} so far · oldest ${age(now.oldest_seconds)}` : "none in pieces";
}

/** @param {any} now */
function calls(now) {
  if (isUnheard(now)) return "nobody takes in what is sent by UDP";
  const free = now.places - now.places_taken;
  return `${now.ending} ending · ${now.receivers ? `${free} of ${now.places} places by UDP free` : "none by UDP"}`;
}

/** @param {any} now */
const isUnheard = (now) => now.places_taken > 0 && !now.receivers;

/** @param {any} storage */
function stored(storage) {
  const disk = storage.files.disk_bytes + storage.chunks.disk_bytes;
  return `${bytes(storage.audio_bytes)} in ${times(storage.chunks.documents, "chunk")}, ${bytes(disk)} on disk · ${storage.kept} kept for a retry`;
}

/** @param {any} audit */
const audited = (audit) => (audit.runs ? `looked for ${age(audit.age_seconds)} ago` : "never looked for");

/** @param {Record<string, number>} stuck */
function kinds(stuck) {
  const some = Object.entries(stuck).filter(([, number]) => number);
  return some.map(([kind, number]) => `${number} ${kind}`).join(" · ");
}

/**
 * @param {string} name
 * @param {number | string} given
 * @param {string} more
 * @param {boolean} [isBad]
 */
function tile(name, given, more, isBad = false) {
  const shown = typeof given === "number" ? grouped(given) : given;
  return h(isBad ? "div.tile.bad" : "div.tile", {}, h("dt", {}, name), h("dd.figure", {}, shown), h("dd.more", {}, more));
}

/** @param {Record<string, Record<string, number>>} failed */
function showReasons(failed) {
  const codes = Object.keys({ ...failed.hour, ...failed.day, ...failed.ever });
  if (!codes.length) {
    swap(at("reasons"), [h("p.hint", {}, "Nothing has failed.")]);
    return;
  }
  codes.sort((a, b) => (own(failed.day, b) ?? 0) - (own(failed.day, a) ?? 0) || (own(failed.ever, b) ?? 0) - (own(failed.ever, a) ?? 0));
  const head = ["Reason", "Hour", "Day", "All"].map((name, index) => h(index ? "th.number" : "th", { scope: "col" }, name));
  const rows = codes.map((code) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, spoken(code)),
      ...[failed.hour, failed.day, failed.ever].map((of) => h("td.number", {}, String(own(of, code) ?? 0))),
    ),
  );
  const table = h("table.reasons", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  swap(at("reasons"), [table]);
}
