/** The recorder of this page; it goes on sending whatever the page shows. */

import { BASE } from "../call.js";
import { Recorder } from "../recorder.js";
import { h } from "./dom.js";

const MAX_DURATION = 120;

/**
 * @typedef {{ recorder: Recorder, canvas: HTMLCanvasElement, owner: string, maxDuration: number,
 *   more: () => number, extend: () => number, microphones: () => Node }} Sound
 */

/** @type {Sound | null} */
let sound = null;

/**
 * @param {import("./api.js").Api} api
 * @param {string} [owner]
 * @returns {Sound}
 */
export function soundOf(api, owner = "") {
  if (sound?.owner === owner) return sound;
  sound?.recorder.close().catch(reportError);
  const canvas = h("canvas.wave", { role: "img", "aria-label": "How loud you are" });
  const recorder = new Recorder({ api: BASE, token: api.token, owner, canvas, maxDuration: MAX_DURATION });
  sound = { recorder, canvas, owner, maxDuration: MAX_DURATION, more: () => 0, extend: () => 0, microphones: () => h("div") };
  return sound;
}

/** Whether something would be gone with the page. */
export const wouldBeLost = () => sound !== null && ["asking", "recording", "saving"].includes(sound.recorder.state);
