/** What failed, narrowed to what is looked for, and retried one by one or all together. */

import { complain } from "../demo/dom.js";
import { asked, listen } from "./filters.js";
import { retryButton } from "./mend.js";
import { retryMany } from "./retry_many.js";
import { at, item, link, pill, row, said } from "./parts.js";
import { Pages } from "./pages.js";
import { moment, times } from "./words.js";

/** @type {(session: string) => void} */
let open = () => {};

export const failed = new Pages({
  path: "/api/admin/failed",
  name: "failed",
  place: "failed",
  one: "failure",
  empty: "Nothing has failed that fits.",
  item: failedItem,
  asked: () => asked("sieve"),
});

/** @param {(session: string) => void} show */
export function listenToFailed(show) {
  open = show;
  listen("sieve", () => failed.begin().then(() => complain(), complain));
  at("retry-many").addEventListener("click", () => retryMany(asked("sieve")));
}

/** @param {any} part */
function failedItem(part) {
  const kept = part.can_retry ? null : part.audio_kept ? "recorded again since" : "its recording is gone";
  const retried = part.retries ? `retried ${times(part.retries, "time")}` : null;
  const about = row(`failed ${moment(part.failed_at)}`, part.error && said(part.error.sentence), said(`user ${part.user_id}`), retried, kept);
  const acts = part.can_retry ? [retryButton(part.session_id, part.question_id)] : [];
  const name = link(`failed ${part.file_id}`, nameOf(part), () => open(part.session_id));
  return item([pill(part.error?.code ?? "failed"), name], about, acts);
}

/** @param {any} part */
export const nameOf = (part) => `${part.question_id}, take ${part.take}, of ${part.session_id}`;
