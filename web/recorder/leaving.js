/**
 * Has the browser ask before the page is left, while something would be lost with it. A page that listens for nothing is kept
 * whole when people go back to it.
 * @param {() => boolean} isLost
 * @returns {() => void} looks again
 */
export function leavingGuard(isLost) {
  const ask = (/** @type {BeforeUnloadEvent} */ event) => {
    if (!isLost()) return; // since it was looked at
    event.preventDefault();
    event.returnValue = true; // what older browsers look at
  };
  return () => (isLost() ? addEventListener("beforeunload", ask) : removeEventListener("beforeunload", ask));
}
