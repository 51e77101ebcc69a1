/** What is said at a moment of a conversation. */

/**
 * @typedef {{text: string, start: number, end: number}} Word
 * @typedef {{speaker: "left" | "right", start: number, end: number, text: string, interrupts: boolean, words: Word[] | null}} Turn
 * @typedef {{answered_at: number, latency: number}} Response
 * @typedef {{turns: Turn[], responses: Response[], response_latency: number | null, overlap_seconds: number, talk_ratio: number | null}} Conversation
 */

export const SIDES = /** @type {const} */ (["right", "left"]);
export const NAMES = { left: "Candidate", right: "Interviewer" };

/** The turns that are going on: none, one, or one of each side. @param {Conversation} conversation @param {number} moment */
export const going = ({ turns }, moment) => turns.filter(({ start, end }) => start <= moment && moment < end);

/** The word that is said, or the last one that was begun. @param {Turn} turn @param {number} moment */
export function wordAt({ words }, moment) {
  const begun = (words ?? []).filter(({ start }) => start <= moment);
  return begun.length ? begun.length - 1 : -1;
}

/** How long a turn was waited for, in words; none where it answers nothing. @param {Conversation} conversation @param {Turn} turn */
export function waited({ responses }, turn) {
  if (turn.interrupts) return "while the other side speaks";
  const response = turn.speaker === "left" && responses.find(({ answered_at }) => Math.abs(answered_at - turn.start) < 0.01);
  return response ? `after ${response.latency.toFixed(1)} seconds` : "";
}

/** @param {number} seconds to a tenth */
export function tenths(seconds) {
  const all = Math.round(seconds * 10);
  return `${Math.floor(all / 600)}:${((all % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** A moment as it is read aloud. @param {Conversation} conversation @param {number} moment */
export function said(conversation, moment) {
  const heard = going(conversation, moment).map((turn) => {
    const word = turn.words?.[wordAt(turn, moment)];
    return `${NAMES[turn.speaker]}: ${word ? word.text : turn.text}`;
  });
  return [tenths(moment), ...(heard.length ? heard : ["nobody speaks"])].join(", ");
}
