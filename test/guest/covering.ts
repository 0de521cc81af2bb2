// SPDX-License-Identifier: Apache-2.0
// A selection of all combinations in which every two values that may meet do meet.

type Values = Readonly<Record<string, readonly (string | number)[]>>;

/** One value of each dimension. */
type Combination<Dimensions extends Values> = { readonly [Name in keyof Dimensions]: Dimensions[Name][number] };

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

/**
 * Greedy and without chance: the same selection each time. Among equally good combinations it takes one whose pairs were
 * chosen least.
 */
export function coveringSelection<Combination extends object>(all: readonly Combination[]): readonly Combination[] {
  const candidates = all.map((one) => ({ one, pairs: pairsOf(one) }));
  const open = new Set(candidates.flatMap(({ pairs }) => pairs));
  const uses = new Map<string, number>();
  const used = (pairs: readonly string[]): number => pairs.reduce((sum, pair) => sum + (uses.get(pair) ?? 0), 0);
  const chosen = new Set<Combination>();
  while (open.size > 0) {
    const gains = candidates.map(({ pairs }) => pairs.filter((pair) => open.has(pair)).length);
    const most = Math.max(...gains);
    const best = candidates
      .filter((_, index) => gains[index] === most)
      .reduce((first, next) => (used(next.pairs) < used(first.pairs) ? next : first));
    chosen.add(best.one);
    for (const pair of best.pairs) {
      open.delete(pair);
      uses.set(pair, (uses.get(pair) ?? 0) + 1);
    }
  }
  return all.filter((one) => chosen.has(one));
}

/** Every two of its values, as text. */
export function pairsOf(combination: object): readonly string[] {
  const values = Object.entries(combination).map(([name, value]) => `${name}=${value}`);
  return values.flatMap((first, index) => values.slice(index + 1).map((second) => `${first} ${second}`));
}
