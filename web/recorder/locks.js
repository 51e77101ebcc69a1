/** Web Locks, and what to do where a browser has none, or lets a page without site data have none. */

/** Whether one tab can know of another's locks. */
export const HAS_LOCKS = typeof navigator !== "undefined" && "locks" in navigator;

/**
 * Do it while no other tab does anything under this name.
 * @param {string} name
 * @param {AbortSignal} signal gives up waiting
 * @param {() => Promise<void>} act
 */
export async function alone(name, signal, act) {
  const release = await hold(name, { signal });
  try {
    await act();
  } finally {
    release?.();
  }
}

/**
 * Hold the name until the page ends or the answer is called; with `ifAvailable`, null if another tab has it.
 * @param {string} name
 * @param {LockOptions} [how]
 * @returns {Promise<(() => void) | null>}
 */
export function hold(name, how = {}) {
  const free = () => {};
  if (!HAS_LOCKS) return Promise.resolve(free);
  return new Promise((held, refused) => {
    const until = (/** @type {Lock | null} */ lock) => {
      if (!lock) return held(null);
      return new Promise((release) => held(() => release(undefined)));
    };
    navigator.locks.request(name, how, until).catch((trouble) => (how.signal?.aborted ? refused(trouble) : held(free)));
  });
}
