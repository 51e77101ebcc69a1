/** The browser's question for the microphone: it may stay unseen, and unanswered, for as long as it likes. */

/** After so long it is told of; before, it is answered by what was allowed earlier. */
export const SOON = 1000;

/**
 * @param {EventTarget} recorder
 * @param {(isAsking: boolean) => void} tell where it is asked for that long, and where it is so no longer
 * @param {AbortSignal} [signal] ends it
 */
export function whileAsking(recorder, tell, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isTold = false;
  const become = (/** @type {boolean} */ is) => {
    clearTimeout(timer);
    if (isTold !== is) tell((isTold = is));
  };
  recorder.addEventListener("state", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.state !== "asking") become(false);
    else timer = setTimeout(() => become(true), SOON);
  }, { signal });
  signal?.addEventListener("abort", () => clearTimeout(timer));
}
