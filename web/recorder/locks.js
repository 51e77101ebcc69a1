/** Web Locks, and what to do where a browser has none. */

/** Whether one tab can know of another's locks. */
export const HAS_LOCKS = typeof navigator !== "undefined" && "locks" in navigator;

/**
 * Do it while no other tab does anything under this name.
 * @param {string} name
 * @param {AbortSignal} signal gives up waiting
 * @param {() => Promise<void>} act
 */
export async function alone(name, signal, act) {
  if (!HAS_LOCKS) return act();
  await navigator.locks.request(name, { signal }, act);
}

/**
 * Hold the name until the page ends or the answer is called.
 * @param {string} name
 * @returns {Promise<() => void>}
 */
export function hold(name) {
  if (!HAS_LOCKS) return Promise.resolve(() => {});
  return new Promise((held, refused) => {
    const until = () => new Promise((release) => held(() => release(undefined)));
    navigator.locks.request(name, until).catch(refused);
  });
}

/**
 * Do it if nobody holds the name.
 * @param {string} name
 * @param {() => Promise<void>} act
 */
export async function unlessHeld(name, act) {
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await act();
  });
}
