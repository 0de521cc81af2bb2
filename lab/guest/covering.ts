// SPDX-License-Identifier: Apache-2.0
// A selection of all combinations in which every two values that may meet do meet.

type Values = Readonly<Record<string, readonly (string | number)[]>>;

/** One value of each dimension. */
export type Combination<Dimensions extends Values> = { readonly [Name in keyof Dimensions]: Dimensions[Name][number] };

/** All combinations that may be, in the order of the dimensions and their values. */
export function allCombinations<Dimensions extends Values>(
  dimensions: Dimensions,
  mayBe: (combination: Combination<Dimensions>) => boolean,
): readonly Combination<Dimensions>[] {
  const names = Object.keys(dimensions);
  const isWhole = (one: object): one is Combination<Dimensions> => names.every((name) => name in one);
  const grown = names.reduce<readonly object[]>(
    (before, name) => before.flatMap((one) => (dimensions[name] ?? []).map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
  return grown.filter(isWhole).filter(mayBe);
}

/** Greedy and without chance: the same selection each time. */
export function coveringSelection<Combination extends object>(all: readonly Combination[]): readonly Combination[] {
  const open = new Set(all.flatMap(pairsOf));
  const chosen: Combination[] = [];
  while (open.size > 0) {
    const gains = all.map((one) => pairsOf(one).filter((pair) => open.has(pair)).length);
    const best = all[gains.indexOf(Math.max(...gains))];
    if (!best) break;
    chosen.push(best);
    for (const pair of pairsOf(best)) open.delete(pair);
  }
  return all.filter((one) => chosen.includes(one));
}

/** Every two of its values, as text. */
export function pairsOf(combination: object): readonly string[] {
  const values = Object.entries(combination).map(([name, value]) => `${name}=${value}`);
  return values.flatMap((first, index) => values.slice(index + 1).map((second) => `${first} ${second}`));
}
