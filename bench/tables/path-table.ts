// SPDX-License-Identifier: Apache-2.0
// TCP through a VPN: a column for each way in which its tun may be full, a row for each figure.
import { type CellResult, PATH_QDISCS, type PathRun, type Run, spread } from '../bench-report.ts';
import type { Table } from './table.ts';

const COLUMNS = {
  'tail-drop': 'tail-drop',
  pfifo: 'backpressure, pfifo',
  fq_codel: 'backpressure, fq_codel',
  cake: 'backpressure, cake',
} as const;

type Row = readonly [name: string, of: (run: Run) => number, digits: number];

const ofPath =
  (of: (path: PathRun) => number | undefined): ((run: Run) => number) =>
  ({ path }) =>
    (path && of(path)) ?? Number.NaN;

const PATH_FIGURES: readonly Row[] = [
  ['throughput, Mbit/s', ofPath(({ bitsPerSecond }) => bitsPerSecond / 1e6), 2],
  ['lost at the full ring', ({ lost }) => lost, 0],
  ['dropped by the qdisc', ({ droppedBefore }) => droppedBefore, 0],
  ['retransmissions', ofPath(({ retransmissions }) => retransmissions), 0],
  ['ping beside it, ms', ofPath(({ pingMs }) => pingMs), 0],
  ['time in the qdisc, ms', ofPath(({ qdiscMs }) => qdiscMs), 0],
  ['time in the ring, ms', ofPath(({ ringMs }) => ringMs), 0],
  ['fairness (1: all flows alike)', ofPath(({ fairness }) => fairness), 2],
];

/** None where no cell of a path was chosen. `missing`: what such a cell shows. */
export function pathTables(results: readonly CellResult[], missing: (reason: string) => string): readonly Table[] {
  const columns = PATH_QDISCS.flatMap((qdisc) => {
    const result = results.find(({ cell }) => cell.kind === 'path' && cell.qdisc === qdisc);
    return result ? [{ qdisc, result }] : [];
  });
  if (columns.length === 0) return [];
  const table = {
    title: 'TCP through a VPN',
    header: ['a run', ...columns.map(({ qdisc }) => COLUMNS[qdisc])],
    rows: PATH_FIGURES.map(([name, of, digits]) => [
      name,
      ...columns.map(({ result }) =>
        result.missing === null ? figureText(result.runs, of, digits) : missing(result.missing),
      ),
    ]),
  };
  return [table];
}

function figureText(runs: readonly Run[], of: (run: Run) => number, digits: number): string {
  const { median, least, most } = spread(runs.map(of));
  if (Number.isNaN(median)) return '–';
  const [middle, from, to] = [median, least, most].map((value) => value.toFixed(digits));
  const mark = runs.some(({ disagreements }) => disagreements.length > 0) ? ' !' : '';
  return `${from === to ? middle : `${middle} (${from}–${to})`}${mark}`;
}
