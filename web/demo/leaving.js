/** Asks before the page is left while something would be lost with it. */

import { wouldBeLost } from "./sound.js";

export function warnBeforeLeaving() {
  addEventListener("beforeunload", (event) => {
    if (!wouldBeLost()) return;
    event.preventDefault();
    event.returnValue = true; // for older browsers
  });
}
