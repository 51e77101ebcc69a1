/** The operators' dashboard: looks every few seconds while it is seen, and mends with a click. */

import { Problem } from "./call.js";
import { complain } from "./demo/dom.js";
import { get, token } from "./admin/api.js";
import { forgetFound, listenToSearch, showFound } from "./admin/find.js";
import { failed, listenToFailed } from "./admin/failed.js";
import { offerReasons } from "./admin/filters.js";
import { audit, openWith, showStuck } from "./admin/lists.js";
import { afterwards, listenToSweep } from "./admin/mend.js";
import { showOverview } from "./admin/overview.js";
import { at } from "./admin/parts.js";
import { forgetOpened, listenToSession, open, showOpened } from "./admin/session.js";
import { Looks } from "./admin/looks.js";
import { forgetStanding, listenToStanding, showStanding, standing } from "./admin/standing.js";
import { showTrends } from "./admin/trends.js";

const EVERY = 5000;
const LONGEST = 30_000;
const TREND_EVERY = 60_000;

const looks = new Looks([
  {
    name: "figures",
    look: async () => {
      const now = await get("/api/admin/overview");
      if (!token.get()) return;
      showOverview(now);
      standing.now = now;
      offerReasons(Object.keys({ ...now.failed.ever, ...now.failed.day, ...now.failed.hour }));
      showGrafana(now.grafana_url);
    },
  },
  {
    name: "trends",
    every: TREND_EVERY,
    look: async () => {
      const [hour, day] = await Promise.all(["hour", "day"].map((span) => get("/api/admin/trends", { span })));
      showTrends({ hour, day });
      standing.trends = { hour, day };
    },
  },
  { name: "stuck", look: async () => showStuck(await get("/api/admin/stuck")) },
  { name: "failed", look: () => failed.look() },
  { name: "audit", look: () => audit.look() },
  { name: "finding", look: showFound },
  { name: "session", look: showOpened },
]);

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
    await looks.look();
    wait = looks.sight("figures").why === null ? EVERY : Math.min(LONGEST, wait * 2);
    if (token.get()) showDesk();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    refused(problem);
  } finally {
    showStanding(looks);
    if (token.get() && !document.hidden) timer = setTimeout(look, wait);
  }
}

/** @param {Problem} problem the API takes this token no more */
function refused(problem) {
  token.forget();
  showDoor();
  complain(problem.status === 403 ? problem : "This token is not valid, or no longer. Paste another one.");
}

function showDoor() {
  clearTimeout(timer);
  forgetFound();
  forgetOpened();
  looks.forget();
  forgetStanding();
  for (const id of ["desk", "leave", "dark", "grafana"]) at(id).hidden = true;
  at("door").hidden = false;
  at("token").focus();
}

/** The figures, once there are some; before that, why there are none. */
function showDesk() {
  const sight = looks.sight("figures");
  at("door").hidden = true;
  at("dark").hidden = sight.seen !== null;
  at("leave").hidden = false;
  at("dark-why").textContent = sight.why ?? "";
  if (sight.seen === null || !at("desk").hidden) return;
  complain();
  at("desk").hidden = false;
  at("now-title").focus();
}

/** @param {string | null | undefined} address */
function showGrafana(address) {
  at("grafana").hidden = !address;
  if (address) at("grafana").href = address;
}

at("enter").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  complain();
  const given = at("token").value.trim().replace(/^Bearer\s+/i, "");
  at("token").value = "";
  if (!/^[\x21-\x7e]+$/.test(given)) {
    complain("This is no token: it has a space in it, or letters that none has. Copy it whole.");
    return;
  }
  token.set(given);
  await look();
});

at("leave").addEventListener("click", () => {
  token.forget();
  showDoor();
});

document.addEventListener("visibilitychange", () => {
  if (!token.get()) return;
  clearTimeout(timer);
  showStanding(looks);
  if (!document.hidden) look();
});

openWith(open);
afterwards(lookAgain);
listenToFailed(open);
listenToSearch(open);
listenToSession();
listenToSweep();
listenToStanding(looks);
if (token.get()) look();
else showDoor();
