// SPDX-License-Identifier: Apache-2.0
// Did you mean: of some names the one that was most likely meant.

/** The largest share of letters that may differ: two of five, three of eight. */
const MOST_SHARE = 0.4;

/** undefined: none is close. Case is no difference. */
export function closestName(wanted: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(MOST_SHARE * wanted.length));
  const ranked = [...new Set(names)]
    .map((name) => ({ name, apart: distance(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter(({ apart }) => apart <= most)
    .sort((a, b) => a.apart - b.apart);
  return ranked[0]?.name;
}

/** Letters to put in, take out or change (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const changed = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
