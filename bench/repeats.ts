// SPDX-License-Identifier: Apache-2.0
// Repeats of several runs in one file: two kernels, modules or settings are measured in turn, and each run adds to the file of its own.
import { escapedJson } from '../src/snapshot/visible.ts';
import type { Conditions } from './baseline.ts';
import type { BenchReport } from './bench-report.ts';
import { type SavedReport, savedReport } from './saved-report.ts';

/** What must be alike in all runs of a file. */
export type RunConditions = Conditions & Pick<BenchReport, 'version' | 'kernel'>;

/** Why repeats of these conditions do not belong in that file, as it goes on after the file's name. */
export function objectionToAdding(there: SavedReport, here: RunConditions): string | undefined {
  const facts: readonly (readonly [string, string])[] = [
    [`${there.host.cpuModel}, ${there.cpus} CPUs`, `${here.cpuModel}, ${here.cpus} CPUs`],
    [`Linux ${there.kernel}`, `Linux ${here.kernel}`],
    [`tapscope ${there.version}`, `tapscope ${here.version}`],
    [`repeats of ${there.seconds} s`, `repeats of ${here.seconds} s`],
    [`packets of ${there.packetSize} bytes`, `packets of ${here.packetSize} bytes`],
    [`rings of ${there.ring}`, `rings of ${here.ring}`],
  ];
  const [differing] = facts.filter(([one, other]) => one !== other);
  if (differing === undefined) return undefined;
  const [then, now] = differing;
  return `has figures of ${then}, and these would be of ${now}: save them in another file, and compare the two with --against.`;
}

interface Saved {
  readonly repeats: number;
  readonly results: readonly SavedResult[];
}

interface SavedResult {
  readonly cell: { readonly id: string };
  readonly missing: string | null;
  readonly runs: readonly unknown[];
}

/** One report of both, as JSON: the repeats of the later behind those of the earlier. Throws one sentence with `name`, that of the earlier. */
export function withEarlier(earlier: string, name: string, later: string): string {
  const now = savedReport(later, 'this run');
  const objection = objectionToAdding(savedReport(earlier, name), { ...now, cpuModel: now.host.cpuModel });
  if (objection !== undefined) throw new Error(`${name} ${objection}`);
  // Both were read just now, so they have this shape; all that they say of a repeat is kept, known here or not.
  const [before, after]: readonly Saved[] = [JSON.parse(earlier), JSON.parse(later)];
  if (!before || !after) return later;
  const added = before.results.map((result) => joined(result, after.results.find(isOf(result))));
  const fresh = after.results.filter((result) => !before.results.some(isOf(result)));
  const results = [...added, ...fresh];
  const repeats = Math.max(...results.map(({ runs }) => runs.length));
  return `${escapedJson(JSON.stringify({ ...after, repeats, results }, null, 2))}\n`;
}

function isOf({ cell }: SavedResult): (other: SavedResult) => boolean {
  return (other) => other.cell.id === cell.id;
}

/** What one of both has measured is not missing. */
function joined(earlier: SavedResult, later: SavedResult | undefined): SavedResult {
  const runs = [...earlier.runs, ...(later?.runs ?? [])];
  return { ...earlier, missing: runs.length > 0 ? null : (later ?? earlier).missing, runs };
}

/** The repeats of both sides follow each other by turns, so what the host did meanwhile is in both; undefined: a file does not say when. */
export function areInTurn(one: SavedReport, other: SavedReport): boolean | undefined {
  const begun = (report: SavedReport, id: string): readonly (number | undefined)[] =>
    (report.runs.get(id) ?? []).map(({ began }) => began);
  const shared = [...one.runs.keys()].filter((id) => begun(one, id).length > 0 && begun(other, id).length > 0);
  const cells = shared.map((id) => [begun(one, id), begun(other, id)] as const);
  if (cells.flat(2).includes(undefined)) return undefined;
  return cells.every(([first, second]) => {
    const sides = [
      ...first.map((began = 0) => ({ began, side: 'one' })),
      ...second.map((began = 0) => ({ began, side: 'other' })),
    ].sort((left, right) => left.began - right.began);
    const turns = sides.filter(({ side }, index) => index > 0 && sides[index - 1]?.side !== side).length;
    return turns >= Math.min(first.length, second.length);
  });
}
