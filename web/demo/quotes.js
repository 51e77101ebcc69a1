/** Where the quotes stand in a transcript. */

/**
 * The transcript in pieces, each with the numbers of the points whose quotes cover it and of those whose quotes end there.
 * @param {string} transcript
 * @param {{ quote: string | null, covered: boolean }[]} feedback
 * @returns {{ text: string, points: number[], ends: number[] }[]}
 */
export function pieces(transcript, feedback) {
  const spans = feedback
    .map(({ quote, covered }, at) => ({ from: covered && quote ? transcript.indexOf(quote) : -1, quote, point: at + 1 }))
    .filter(({ from }) => from >= 0)
    .map(({ from, quote, point }) => ({ from, to: from + String(quote).length, point }));
  const edges = [...new Set([0, transcript.length, ...spans.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  return edges.slice(1).map((to, at) => {
    const from = edges[at];
    const over = spans.filter((span) => span.from <= from && span.to >= to);
    return {
      text: transcript.slice(from, to),
      points: over.map(({ point }) => point),
      ends: over.filter((span) => span.to === to).map(({ point }) => point),
    };
  });
}
