/** Retrying all that fits a filter: shown before it is done, bounded, and told while it goes on. */

import { announce, complain, h, pause } from "../demo/dom.js";
import { Problem } from "../call.js";
import { get, post } from "./api.js";
import { ask } from "./ask.js";
import { lookAgain } from "./mend.js";
import { at } from "./parts.js";
import { sum, spoken, times } from "./words.js";

/** At most so many are retried by one click. */
export const MOST = 200;
const AT_ONCE = 20;
const LONGEST_WAIT = 60;

let isStopped = false;
let isGoing = false;

/** @param {Record<string, string | undefined>} filter */
export async function retryMany(filter) {
  if (isGoing) return;
  complain();
  isGoing = true;
  try {
    const found = await get("/api/admin/failed", { ...filter, can_retry: "true", limit: MOST });
    if (!found.failed.length) announceShown("Nothing that fits can be retried.");
    else if ((await ask(question(found))) !== null) await go(found.failed);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    complain(problem);
  } finally {
    isGoing = false;
  }
}

/** @param {any} found */
function question({ failed, next }) {
  const rest = next ? ` More fit; they are retried by the next click, ${MOST} at once.` : "";
  const text = `Each begins anew as if it had just arrived, and each is in the audit log.${rest}`;
  return { title: `Retry ${times(failed.length, "answer")}?`, text, yes: `Retry ${failed.length}`, which: which(failed) };
}

/**
 * How many of each reason, and which.
 * @param {any[]} parts
 */
function which(parts) {
  const codes = counted(parts.map((part) => part.error?.code ?? "unknown"));
  const reasons = Object.entries(codes).map(([code, number]) => `${number} × ${spoken(code)}`);
  const each = parts.map((part) => h("li", { dir: "auto" }, `${part.question_id}, take ${part.take}, of ${part.session_id}, user ${part.user_id}`));
  return [h("p", {}, reasons.join(" · ")), h("ul", { tabindex: "0", role: "list", "aria-label": "Answers that will be retried" }, ...each)];
}

/** @param {any[]} parts */
async function go(parts) {
  isStopped = false;
  const ids = parts.map((part) => part.file_id);
  /** @type {string[]} */
  const outcomes = [];
  at("stop").onclick = () => (isStopped = true);
  at("going").hidden = false;
  at("retry-progress").max = ids.length;
  try {
    while (outcomes.length < ids.length && !isStopped) {
      progress(outcomes.length, ids.length);
      const { tried, wait } = await some(ids.slice(outcomes.length, outcomes.length + AT_ONCE));
      outcomes.push(...tried);
      if (wait !== null) await pause(Math.min(LONGEST_WAIT, wait));
      else if (!tried.length) break;
    }
  } finally {
    at("going").hidden = true;
    announceShown(summary(outcomes, ids.length));
    await lookAgain();
  }
}

/**
 * What came of each of these, as far as they were reached, and how long the rate of requests bids to wait.
 * @param {string[]} ids
 * @returns {Promise<{ tried: string[], wait: number | null }>}
 */
async function some(ids) {
  const { answers, retry_after } = await post("/api/admin/failed/retry", { file_ids: ids });
  const tried = answers.map((/** @type {any} */ answer) => answer.problem?.code ?? "queued");
  return { tried, wait: retry_after };
}

/**
 * @param {number} done
 * @param {number} all
 */
function progress(done, all) {
  at("retry-progress").value = done;
  at("retry-told").textContent = `Retried ${done} of ${all} …`;
}

/**
 * @param {string[]} outcomes
 * @param {number} all
 */
function summary(outcomes, all) {
  const { queued = 0, ...refused } = counted(outcomes);
  const why = Object.entries(refused).map(([code, number]) => `${number} ${spoken(code)}`);
  const not = sum(refused) ? ` ${sum(refused)} were not retried: ${why.join(", ")}.` : "";
  const left = all - outcomes.length;
  return `${queued === 1 ? "1 answer waits" : `${queued} answers wait`} again.${not}${left ? ` ${left} were left as they are.` : ""}`;
}

/** @param {string} text */
function announceShown(text) {
  at("retry-result").textContent = text;
  announce(text);
}

/**
 * @param {string[]} words
 * @returns {Record<string, number>}
 */
function counted(words) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1);
  return Object.fromEntries(found);
}
