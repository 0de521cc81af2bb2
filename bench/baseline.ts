// SPDX-License-Identifier: Apache-2.0
// The earlier figures of `--against`: whether they can be held against those of this run, before anything is measured.
import { type FigureDifference, LEAST_REPEATS } from './against.ts';
import type { BenchReport, Cell } from './bench-report.ts';
import { readSavedReport, type SavedReport } from './saved-report.ts';

/** Both reports and what differs. */
export interface Against {
  readonly file: string;
  readonly before: SavedReport;
  readonly after: SavedReport;
  readonly figures: readonly FigureDifference[];
}

/** What must be alike in both. */
export interface Conditions extends Pick<BenchReport, 'cpus' | 'seconds' | 'packetSize' | 'ring'> {
  readonly cpuModel: string;
}

export async function readBaseline(
  file: string,
  cells: readonly Pick<Cell, 'id'>[],
  conditions: Conditions,
): Promise<SavedReport> {
  const report = await readSavedReport(file);
  const objection = objectionTo(report, cells, conditions);
  if (objection !== undefined) throw new Error(`${file} ${objection}`);
  return report;
}

/** As it goes on after the file's name. */
export function objectionTo(
  { host, cpus, seconds, packetSize, ring, runs }: SavedReport,
  cells: readonly Pick<Cell, 'id'>[],
  here: Conditions,
): string | undefined {
  if (host.cpuModel !== here.cpuModel || cpus !== here.cpus)
    return `is of another host (${host.cpuModel}, ${cpus} CPUs; this one: ${here.cpuModel}, ${here.cpus}), so a difference would be the hosts': measure both on one.`;
  if (seconds !== here.seconds)
    return `has repeats of ${seconds} s, and these have ${here.seconds} s: add --seconds=${seconds}, or measure it again.`;
  if (packetSize !== here.packetSize || ring !== here.ring)
    return `has packets of ${packetSize} bytes and rings of ${ring}, and this tapscope has ${here.packetSize} and ${here.ring}: measure it again.`;
  const repeats = cells.map(({ id }) => runs.get(id)?.length ?? 0);
  const most = Math.max(...repeats);
  if (most === 0) return 'has no figures of the cells that were chosen: choose its cells with --only or --table.';
  if (most < LEAST_REPEATS)
    return `has ${most} repeats of each cell, and ${LEAST_REPEATS} are the fewest that are judged: measure it again with --save.`;
  return undefined;
}
