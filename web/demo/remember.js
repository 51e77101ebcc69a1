/**
 * What the page must know again after a reload. Each tab has its own memory; a new tab begins with that of the last.
 *
 * @typedef {{ id: string, text: string, key_points: string[], language?: string | null }} Question
 * @typedef {{ stage: "questions" | "interview" | "results", user?: string, session?: string, isDone?: boolean, questions: Question[], at: number,
 *   microphone?: string }} Memory
 */

import { load, save } from "./store.js";

const KEY = "viva-voce-demo";

/** @returns {Partial<Memory>} */
export function recall() {
  const found = load("sessionStorage", KEY) ?? load("localStorage", KEY);
  return found !== null && typeof found === "object" ? found : {};
}

/** @param {Partial<Memory>} news */
export function remember(news) {
  const all = { ...recall(), ...news };
  save("sessionStorage", KEY, all);
  save("localStorage", KEY, all);
}
