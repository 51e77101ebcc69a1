/** What the page must know again after a reload. */

const KEY = "viva-voce-demo";

/**
 * @typedef {{ id: string, text: string, key_points: string[], language?: string }} Question
 * @typedef {{ stage: "questions" | "interview" | "results", user?: string, session?: string, questions: Question[], at: number }} Memory
 * @returns {Partial<Memory>}
 */
export function recall() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {Partial<Memory>} news */
export function remember(news) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...recall(), ...news }));
  } catch {
    // Where nothing may be stored, a reload begins anew.
  }
}
