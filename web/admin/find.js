/** Finding sessions: by id, user or title, by how they stand, and by when they were made. */

import { complain } from "../demo/dom.js";
import { asked, listen } from "./filters.js";
import { at, item, link, row, said } from "./parts.js";
import { Pages } from "./pages.js";
import { moment, times } from "./words.js";

/** @type {(session: string) => Promise<void>} */
let open = async () => {};

export const found = new Pages({
  path: "/api/admin/sessions",
  name: "sessions",
  place: "found",
  one: "session",
  empty: "No session fits.",
  item: sessionItem,
  asked: () => asked("find"),
});

/** Whether something is looked for. */
let isLooking = false;

/** @param {(session: string) => Promise<void>} show */
export function listenToSearch(show) {
  open = show;
  listen("find", () => find().then(() => complain(), complain));
}

/** What is looked for, as it stands now. */
export async function showFound() {
  if (isLooking) await found.look();
}

async function find() {
  isLooking = Object.values(asked("find")).some(Boolean) || document.activeElement !== at("find-clear");
  at("finding").hidden = !isLooking;
  if (!isLooking) return;
  await found.begin();
  const only = at("found").querySelectorAll("[data-key]");
  if (only.length === 1) await open(only[0].dataset.session);
}

/** @param {any} session */
function sessionItem(session) {
  const states = session.answers.map((/** @type {any} */ answer) => answer.status);
  const counted = ["completed", "processing", "queued", "failed"]
    .map((state) => [state, states.filter((/** @type {string} */ each) => each === state).length])
    .filter(([, number]) => number)
    .map(([state, number]) => `${number} ${state}`);
  const name = link(`found ${session.session_id}`, session.title ?? session.session_id, () => open(session.session_id));
  name.dataset.session = session.session_id;
  const about = row(said(`user ${session.user_id}`), `made ${moment(session.created_at)}`, times(session.questions, "question"), ...counted);
  return item([name], about);
}

export function forgetFound() {
  isLooking = false;
  found.forget();
  at("finding").hidden = true;
  at("found").replaceChildren();
}
