/**
 * What goes wrong in the field, as functions for tests: networks, storage, microphones and machines that fail.
 *
 *     import { network, PORTAL, storageFull } from "viva-voce-recorder/faults";
 *     const undo = network([{ path: "/api/upload-answer/", fault: PORTAL, times: 2 }]);
 *     …
 *     undo();
 *
 * Each function stands alone and takes what JSON can say, so that a browser driver puts it in before the page's own code:
 * `await page.addInitScript(storageFull, { after: 3 })`. Each answers with a function that takes the fault away again.
 */

export { CUT, EMPTY, page, PORTAL, problem } from "./faults/answers.js";
export { clockJumps, insecurePage, levelSuspended } from "./faults/machine.js";
export {
  devices,
  microphoneAsks,
  microphoneBusy,
  microphoneDenied,
  microphoneLost,
  microphoneMissing,
  microphoneSilent,
  piecesEmpty,
  recordingFails,
  recordingUnknown,
} from "./faults/microphone.js";
export { network } from "./faults/network.js";
export { storageBlocked, storageCleared, storageFull } from "./faults/storage.js";
