/** Keeps the screen on until the answer is called. Where that is refused, nothing else changes. */
export function keepAwake() {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let isOver = false;
  const letGo = () => lock?.release().catch(() => {});
  const take = async () => {
    if (document.visibilityState === "hidden" || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (isOver) letGo();
    } catch {} // no battery left, no such thing, or not here
  };
  document.addEventListener("visibilitychange", take); // a page that is not seen loses it
  take();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", take);
    letGo();
  };
}
