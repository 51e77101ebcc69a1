/** The operators' dashboard: looks every few seconds while it is seen, and mends with a click. */

import { Problem } from "./call.js";
import { complain } from "./demo/dom.js";
import { get, token } from "./admin/api.js";
import { forgetOpened, listenToSearch, open, showOpened } from "./admin/find.js";
import { auditItem, failedItem, openWith, Pages, showStuck } from "./admin/lists.js";
import { afterwards, listenToSweep } from "./admin/mend.js";
import { showOverview } from "./admin/overview.js";
import { at } from "./admin/parts.js";

const EVERY = 5000;
const LONGEST = 30_000;

const failed = new Pages({
  path: "/api/admin/failed",
  name: "failed",
  place: "failed",
  more: "failed-more",
  empty: "Nothing has failed.",
  item: failedItem,
});
const audit = new Pages({
  path: "/api/admin/audit",
  name: "entries",
  place: "audit",
  more: "audit-more",
  empty: "Nothing was done by hand yet.",
  item: auditItem,
});

let wait = EVERY;
/** @type {number | undefined} */
let timer;
/** @type {Promise<void> | null} */
let looking = null;

/** Look at everything, unless somebody is looking already; then their look is waited for. */
function look() {
  looking ??= lookOnce().finally(() => (looking = null));
  return looking;
}

/** What was done by hand shows in a look that began after it. */
async function lookAgain() {
  await looking;
  await look();
}

async function lookOnce() {
  clearTimeout(timer);
  try {
    const [overview, stuck, failures, entries] = await Promise.all([
      get("/api/admin/overview"),
      get("/api/admin/stuck"),
      get("/api/admin/failed"),
      get("/api/admin/audit"),
    ]);
    if (!token.get()) return;
    showDesk();
    showOverview(overview);
    showStuck(stuck);
    failed.show(failures);
    audit.show(entries);
    await showOpened();
    if (document.hidden) rest();
    else pulse("", `Updated ${new Date().toLocaleTimeString()}`);
    wait = EVERY;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    lost(problem);
  } finally {
    if (token.get() && !document.hidden) timer = setTimeout(look, wait);
  }
}

/** @param {Problem} problem */
function lost(problem) {
  if (problem.isOfToken) {
    token.forget();
    showDoor();
    complain(problem.status === 403 ? problem : "This token is not valid, or no longer. Paste another one.");
    return;
  }
  wait = Math.min(LONGEST, wait * 2);
  pulse("lost", at("desk").hidden ? problem.message : `${problem.message} These figures are old.`);
}

/** Nobody sees the page. */
function rest() {
  clearTimeout(timer);
  pulse("paused", "Paused while not seen");
}

/**
 * @param {"" | "paused" | "lost"} how
 * @param {string} text
 */
function pulse(how, text) {
  at("pulse").className = `pulse ${how}`;
  at("pulse").textContent = text;
}

function showDoor() {
  clearTimeout(timer);
  forgetOpened();
  at("desk").hidden = true;
  at("leave").hidden = true;
  at("door").hidden = false;
  pulse("", "");
  at("token").focus();
}

function showDesk() {
  if (!at("desk").hidden) return;
  complain();
  at("door").hidden = true;
  at("desk").hidden = false;
  at("leave").hidden = false;
  at("now-title").focus();
}

at("enter").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  complain();
  token.set(at("token").value.trim());
  at("token").value = "";
  await look();
});

at("leave").addEventListener("click", () => {
  token.forget();
  showDoor();
});

document.addEventListener("visibilitychange", () => {
  if (!token.get()) return;
  if (document.hidden) rest();
  else look();
});

openWith(open);
afterwards(lookAgain);
listenToSearch();
listenToSweep();
if (token.get()) look();
else showDoor();
