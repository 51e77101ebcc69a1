/** What of a transcript is not to be believed as it stands, in words: colours alone tell too few. */

import { own } from "../own.js";

/** Of a whole answer, behind its words. */
export const OF_ANSWER = /** @type {Record<string, string>} */ ({
  low_confidence: "Hard to understand: words may be wrong.",
  suspected_hallucination: "Some of this may never have been said.",
  incomplete: "Some of what was said could not be understood.",
});

const SURE_OF_LANGUAGE = 0.7;
const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

/**
 * The language that an answer was taken for, where that is not sure.
 * @param {any} answer
 */
export function languageOf(answer) {
  const { language, language_probability: sure } = answer ?? {};
  if (!language || typeof sure !== "number" || sure >= SURE_OF_LANGUAGE) return "";
  return `It was taken for ${nameOf(language)}, which is not sure (${Math.round(100 * sure)} %).`;
}

/** @param {string} language */
function nameOf(language) {
  try {
    return LANGUAGES.of(language);
  } catch {
    return language; // no code that the browser knows
  }
}

const MARKS = /** @type {Record<string, [string, string]>} */ ({
  low_confidence: ["[unsure]", "Hard to understand: words may be wrong."],
  suspected_hallucination: ["[said?]", "This may never have been said. It counts for no score."],
});

/**
 * @typedef {{ from: number, to: number, verdict: string, mark: string, title: string }} Doubt
 */

/**
 * Where doubted segments stand in the transcript; one without words stands between two others.
 * @param {string} transcript
 * @param {{ text: string, start: number, end: number, speech_verdict: string | null }[] | null | undefined} segments
 * @returns {Doubt[]}
 */
export function doubts(transcript, segments) {
  let at = 0;
  return (segments ?? []).flatMap(({ text, start, end, speech_verdict: verdict }) => {
    const from = Math.max(at, transcript.indexOf(text, at));
    if (text) at = from + text.length;
    if (!text) return [{ from: at, to: at, verdict: "incomplete", ...unread(end - start) }];
    const [mark, title] = own(MARKS, verdict ?? "") ?? [];
    return mark && title && verdict ? [{ from, to: at, verdict, mark, title }] : [];
  });
}

/** @param {number} seconds */
function unread(seconds) {
  const length = `${Math.max(1, Math.round(seconds))} s`;
  return { mark: `[${length} not understood]`, title: `Here somebody speaks for ${length}, and no words could be made out.` };
}
