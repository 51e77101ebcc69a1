/** Where the quotes stand in a transcript. */

/**
 * The transcript in pieces, each with the numbers of the points whose quotes cover it and of those whose quotes end there,
 * and with what is doubted of it and what doubts begin there.
 * @param {string} transcript
 * @param {{ quote: string | null, covered: boolean }[]} feedback
 * @param {import("./doubts.js").Doubt[]} [doubts]
 * @returns {{ text: string, points: number[], ends: number[], doubt: import("./doubts.js").Doubt | undefined, begins: import("./doubts.js").Doubt[] }[]}
 */
export function pieces(transcript, feedback, doubts = []) {
  const spans = feedback
    .map(({ quote, covered }, at) => ({ from: covered && quote ? transcript.indexOf(quote) : -1, quote, point: at + 1 }))
    .filter(({ from }) => from >= 0)
    .map(({ from, quote, point }) => ({ from, to: from + String(quote).length, point }));
  const inner = [...spans, ...doubts].flatMap(({ from, to }) => [from, to]);
  const edges = [...new Set([0, transcript.length, ...inner])].sort((a, b) => a - b);
  if (doubts.some(({ from }) => from === transcript.length)) edges.push(transcript.length); // the last words are not understood
  return edges.slice(1).map((to, at) => {
    const from = edges[at];
    const over = spans.filter((span) => from < to && span.from <= from && span.to >= to);
    return {
      text: transcript.slice(from, to),
      points: over.map(({ point }) => point),
      ends: over.filter((span) => span.to === to).map(({ point }) => point),
      doubt: doubts.find((doubt) => from < to && doubt.from <= from && doubt.to >= to),
      begins: doubts.filter((doubt) => doubt.from === from && (from < to || doubt.from === doubt.to)),
    };
  });
}
