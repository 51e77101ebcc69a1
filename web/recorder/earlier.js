/**
 * Takes of one answer: one is made at a time, and not every one replaces an earlier one by itself.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 */

const WHOLE_ENDS = ["stopped", "limit"];
const SHORT_SHARE = 0.5;
const SHORT_SECONDS = 10;

/**
 * One take of an answer is made at a time, whatever tab it is.
 * @param {{ session: string, question: string }} answered
 */
export const lockOfAnswer = ({ session, question }) => `viva-voce-answer:${JSON.stringify([session, question])}`;

/**
 * `held` where a fragment or a short take would replace another one that may be whole; else `kept`.
 * @param {Recording} record that has just ended
 * @param {Recording[]} all the oldest first
 * @returns {"held" | "kept"}
 */
export function stateOf(record, all) {
  const other = all.findLast((one) => isOtherTake(one, record));
  if (!other && !record.replaces) return "kept";
  const lengths = [other?.seconds, record.replaces].map(Number).filter((seconds) => seconds > 0);
  const isUnknown = other?.seconds === 0 || record.replaces === true;
  const least = isUnknown ? SHORT_SECONDS : SHORT_SHARE * Math.max(...lengths);
  return WHOLE_ENDS.includes(record.end ?? "") && record.seconds >= least ? "kept" : "held";
}

/**
 * Whether it is a take of the same answer that counts, or will.
 * @param {Recording} one
 * @param {Recording} record
 */
function isOtherTake(one, record) {
  const isOfIt = one.session === record.session && one.question === record.question && one.id !== record.id;
  return isOfIt && (one.state === "kept" || one.state === "accepted");
}
