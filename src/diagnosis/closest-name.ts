// SPDX-License-Identifier: Apache-2.0
// Did you mean: of some names the one that was most likely meant.

/** The largest share of letters that may differ: two of five, three of eight. */
const MOST_SHARE = 0.4;
/** A beginning of so many letters stands for a name. */
const LEAST_BEGINNING = 3;

/** undefined: none is close. The one that begins alike for longest is meant, for errors are rarer in first letters. Case is no difference. */
export function closestName(wanted: string, names: readonly string[]): string | undefined {
  const from = wanted.toLowerCase();
  const most = Math.max(1, Math.floor(MOST_SHARE * wanted.length));
  const [closest] = [...new Set(names)]
    .map((name) => ({ name, to: name.toLowerCase() }))
    .map(({ name, to }) => ({
      name,
      begins: alike(from, to),
      apart: distance(from, to),
      longer: Math.abs(to.length - from.length),
    }))
    .filter(({ apart, begins }) => apart <= most || (begins === from.length && begins >= LEAST_BEGINNING))
    .sort((a, b) => b.begins - a.begins || a.apart - b.apart || a.longer - b.longer);
  return closest?.name;
}

/** ' (did you mean vnet10?)', or nothing. */
export function didYouMean(name: string | undefined): string {
  return name === undefined ? '' : ` (did you mean ${name}?)`;
}

/** Letters from the beginning on. */
function alike(from: string, to: string): number {
  let length = 0;
  while (length < from.length && from[length] === to[length]) length += 1;
  return length;
}
/** Letters to put in, take out or change, or neighbours to swap (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const changed = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      const isSwap = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swapped = isSwap ? (before[j - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(changed, swapped, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[to.length] ?? 0;
}
