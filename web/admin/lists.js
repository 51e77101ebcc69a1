/** What is stuck, and what was done by hand. */

import { own } from "../own.js";
import { h } from "../demo/dom.js";
import { failButton } from "./mend.js";
import { nameOf } from "./failed.js";
import { Pages } from "./pages.js";
import { at, item, link, pill, refill, row, said } from "./parts.js";
import { age, moment, spoken, times } from "./words.js";

/** @type {Record<string, string>} */
const WAITS = {
  uploading: "arrives, and nothing comes",
  queued: "waits for a worker",
  processing: "is in work",
  unsettled: "is not cleaned up",
  unscored: "is not scored",
};

/** @type {(session: string) => void} */
let open = () => {};

/** @param {(session: string) => void} show */
export function openWith(show) {
  open = show;
}

/** @param {any} found */
export function showStuck(found) {
  at("stuck-hint").textContent = `What waits for over ${age(found.seconds)}, the oldest of each kind first.`;
  refill(at("stuck"), found.stuck.map(stuckItem), "Nothing is stuck.");
}

/** @param {any} part */
function stuckItem(part) {
  const name = link(`stuck ${part.file_id} ${part.wait}`, nameOf(part), () => open(part.session_id));
  const waits = `${own(WAITS, part.wait) ?? "waits"} for ${age(part.seconds)}`;
  const deliveries = times(part.deliveries, "delivery", "deliveries");
  const about = row(waits, said(`user ${part.user_id}`), deliveries, part.owner && said(part.owner), part.error && said(part.error.sentence));
  return item([pill(part.wait), name], about, part.can_fail ? [failButton(part.session_id, part.question_id)] : []);
}

export const audit = new Pages({
  path: "/api/admin/audit",
  name: "entries",
  place: "audit",
  one: "entry",
  many: "entries",
  empty: "Nothing was done by hand yet.",
  item: auditItem,
});

/** @param {any} entry */
function auditItem(entry) {
  const { on } = entry;
  const outcome = entry.outcome ? pill(entry.outcome) : h("span.pill.none", {}, "outcome unknown");
  const session = on.session_id && link(`audit ${entry.id}`, on.session_id, () => open(on.session_id));
  const about = row(said(entry.who), moment(entry.at), change(entry), entry.reason && said(`“${entry.reason}”`), said(`request ${entry.request_id}`));
  return item([outcome, said(deed(entry)), session], about);
}

/** @param {any} entry */
function deed({ action, on }) {
  if (action === "sweep") return on.dry_run ? "sweep, counted only" : "sweep";
  if (action === "read") return on.session_id ? `read session ${on.session_id}${whose(on)}` : `read the list of ${sought(on)}`;
  const among = on.among > 1 ? `, one of ${on.among}` : "";
  return on.question_id ? `${action} ${on.question_id}, take ${on.take}${among}` : [action, ...pairs(on)].join(", ");
}

/** Of what was erased the log does not know whose it was. @param {any} on */
const whose = (on) => (on.user_id ? ` of ${on.user_id}` : "");

/** @param {any} on */
function sought({ sought: words, ...narrowed }) {
  return [words ? `“${words}”` : "sessions", ...pairs(narrowed)].join(", ");
}

/**
 * What is known of something that has no words of its own.
 * @param {Record<string, unknown>} on
 */
const pairs = (on) => Object.entries(on).map(([name, value]) => `${spoken(name)} ${value}`);

/** @param {any} entry */
function change(entry) {
  const after = entry.after ?? {};
  if (after.problem) return spoken(String(after.problem));
  if (after.state) return `${entry.before.state} → ${after.state}`;
  const did = Object.entries(after).filter(([, number]) => number);
  return did.length ? did.map(([name, number]) => `${spoken(name)} ${number}`).join(", ") : null;
}
