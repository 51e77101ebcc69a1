/** When to try again: full jitter below a bound that doubles; what the server asks for is the least. */

const FIRST_SECONDS = 1;
const MOST_SECONDS = 60;
const LEAST_SECONDS = 0.2;
const SPREAD_SECONDS = 3;
const LONGEST_RETRY_AFTER = 3600;

/**
 * Milliseconds until the next attempt.
 * @param {number} attempts how many there have been
 * @param {number | null} retryAfter seconds that the server asked for
 * @param {() => number} [random]
 */
export function backoff(attempts, retryAfter, random = Math.random) {
  const bound = Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** Math.min(attempts - 1, 10));
  if (retryAfter === null) return 1000 * Math.max(LEAST_SECONDS, random() * bound);
  return 1000 * (retryAfter + random() * Math.min(SPREAD_SECONDS, bound));
}

/**
 * The seconds that a Retry-After header names, as a number or as a date; null if it names none.
 * @param {string | null} header
 * @param {number} [now]
 */
export function retryAfterOf(header, now = Date.now()) {
  if (!header) return null;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), LONGEST_RETRY_AFTER);
}
