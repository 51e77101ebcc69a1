/** What is stuck, what failed, and what was done by hand. */

import { complain, h } from "../demo/dom.js";
import { get } from "./api.js";
import { failButton, retryButton } from "./mend.js";
import { at, item, link, pill, refill } from "./parts.js";
import { age, moment, times } from "./words.js";

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
  const what = [pill(part.wait), answerLink("stuck", part)];
  const waits = `${WAITS[/** @type {keyof typeof WAITS} */ (part.wait)]} for ${age(part.seconds)}`;
  const about = [waits, `user ${part.user_id}`, times(part.deliveries, "delivery", "deliveries"), part.owner, trouble(part)];
  return item(what, about.filter(Boolean).join(" · "), part.can_fail ? [failButton(part.session_id, part.question_id)] : []);
}

/** A list of which the first page stays fresh, and older ones follow when they are asked for. */
export class Pages {
  /** @type {any[]} */
  #older = [];
  /** @type {any[]} */
  #first = [];
  /** @type {string | null | undefined} */
  #next = undefined;

  /**
   * @param {{ path: string, name: string, place: string, more: string, empty: string, item: (entry: any) => Element }} of
   */
  constructor(of) {
    this.of = of;
    at(of.more).addEventListener("click", () => this.#more().catch(complain));
  }

  /** @param {any} page the newest page, as it is now */
  show(page) {
    this.#first = page[this.of.name];
    if (!this.#older.length) this.#next = page.next;
    this.#draw();
  }

  async #more() {
    const page = await get(this.of.path, { before: this.#next });
    this.#older.push(...page[this.of.name]);
    this.#next = page.next;
    this.#draw();
  }

  #draw() {
    const { place, more, empty, item } = this.of;
    refill(at(place), this.#entries().map(item), empty);
    at(more).hidden = !this.#next;
  }

  /** Newer ones push others from the first page; none of those is shown twice. */
  #entries() {
    const all = [...this.#first, ...this.#older];
    const key = (/** @type {any} */ entry) => entry.id ?? entry.file_id;
    return [...new Map(all.map((entry) => [key(entry), entry])).values()];
  }
}

/** @param {any} part */
export function failedItem(part) {
  const kept = part.can_retry ? null : part.audio_kept ? "recorded again since" : "its recording is gone";
  const retried = part.retries ? `retried ${times(part.retries, "time")}` : null;
  const about = [`failed ${moment(part.failed_at)}`, trouble(part), `user ${part.user_id}`, retried, kept];
  const acts = part.can_retry ? [retryButton(part.session_id, part.question_id)] : [];
  return item([pill(part.error?.code ?? "failed"), answerLink("failed", part)], about.filter(Boolean).join(" · "), acts);
}

/** @param {any} entry */
export function auditItem(entry) {
  const { on } = entry;
  const what = entry.action === "read" ? `read ${on.session_id ? `session ${on.session_id} of ${on.user_id}` : `the list of “${on.sought}”`}` : entry.action === "sweep" ? (on.dry_run ? "sweep, counted only" : "sweep") : `${entry.action} ${on.question_id}, take ${on.take}`;
  const outcome = entry.outcome ? pill(entry.outcome) : h("span.pill.none", {}, "outcome unknown");
  const session = on.session_id && link(`audit ${entry.id}`, on.session_id, () => open(on.session_id));
  const about = [`${entry.who}, ${moment(entry.at)}`, change(entry), entry.reason && `“${entry.reason}”`, `request ${entry.request_id}`];
  return item([outcome, what, session], about.filter(Boolean).join(" · "));
}

/** @param {any} entry */
function change(entry) {
  const after = entry.after ?? {};
  if (after.problem) return String(after.problem).replaceAll("_", " ");
  if (after.state) return `${entry.before.state} → ${after.state}`;
  const did = Object.entries(after).filter(([, number]) => number);
  return did.length ? did.map(([name, number]) => `${name.replaceAll("_", " ")} ${number}`).join(", ") : null;
}

/** @param {any} part */
const trouble = (part) => (part.error ? part.error.sentence : null);

/**
 * @param {string} list
 * @param {any} part
 */
function answerLink(list, part) {
  const text = `${part.question_id}, take ${part.take}, of ${part.session_id}`;
  return link(`${list} ${part.file_id} ${part.wait ?? ""}`, text, () => open(part.session_id));
}
