/** The recorder of this page; it goes on sending whatever the page shows. */

import { BASE } from "../call.js";
import { Recorder } from "../recorder.js";
import { h } from "./dom.js";
import { recall } from "./remember.js";

const MAX_DURATION = 120;
const EXTEND_SECONDS = 60;
const LIMIT_WARNINGS = [30, 10];

/** @typedef {{ recorder: Recorder, canvas: HTMLCanvasElement, owner: string, maxDuration: number, extendSeconds: number }} Sound */

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
  const longest = api.longestSeconds;
  const maxDuration = Math.min(MAX_DURATION, longest);
  const limits = { maxDuration, limitWarnings: LIMIT_WARNINGS, extendSeconds: EXTEND_SECONDS, maxExtensions: Math.floor((longest - maxDuration) / EXTEND_SECONDS) };
  const recorder = new Recorder({ api: BASE, token: api.token, owner, canvas, ...limits });
  recorder.choose(recall().microphone || null);
  sound = { recorder, canvas, owner, maxDuration, extendSeconds: EXTEND_SECONDS };
  for (const tell of listeners) tell(sound);
  return sound;
}

/** @type {Set<(sound: Sound) => void>} */
const listeners = new Set();

/** Told of the recorder, and of each that takes its place. @param {(sound: Sound) => void} tell */
export function whenSound(tell) {
  listeners.add(tell);
  if (sound) tell(sound);
}
