// SPDX-License-Identifier: Apache-2.0
// What a cell of a mail's table shows: the median of its repeats, or in a few words why there is none.
import { type BenchReport, type CellResult, type Run, type SendCell, spread } from '../bench-report.ts';

/** Rows of pktgen's tables, and their two lines. */
export const READERS = [
  ['tap', 'TAP', ''],
  ['vhost', 'TAP', '+ vhost-net'],
] as const;

/** The columns of the first table. */
export const STOCK_AND_PATCHED = [
  ['tail-drop', 'Stock'],
  ['backpressure', 'Patched with fq_codel qdisc'],
] as const;

type Wanted = Pick<SendCell, 'reader' | 'flow'> & Partial<Pick<SendCell, 'shape' | 'threads' | 'pinned' | 'apart'>>;

/** Of one queue; where nothing else is said: sample01 with one thread, and nothing pinned. */
export function sendResult(
  { results }: Pick<BenchReport, 'results'>,
  { reader, flow, shape = 'sample01', threads = 1, pinned = false, apart }: Wanted,
): CellResult | undefined {
  return results.find(
    ({ cell }) =>
      cell.kind === 'send' &&
      cell.queues === 1 &&
      cell.reader === reader &&
      cell.flow === flow &&
      cell.shape === shape &&
      cell.threads === threads &&
      cell.pinned === pinned &&
      cell.apart === apart,
  );
}

export function cellText(
  result: CellResult | undefined,
  value: (run: Run) => number,
  show: (median: number) => string,
): string {
  if (result === undefined || result.missing !== null) return whatIsMissing(result?.missing ?? 'not measured');
  const wrong = result.runs.some(({ disagreements: found }) => found.length > 0);
  return `${show(spread(result.runs.map(value)).median)}${wrong ? ' !' : ''}`;
}

/** A cell has room for a few words; the reasons that everyone meets have them. */
export function whatIsMissing(reason: string): string {
  if (reason.includes('IFF_BACKPRESSURE')) return 'this kernel has no IFF_BACKPRESSURE';
  if (reason.includes('modprobe pktgen')) return 'needs pktgen';
  const module = /: modprobe (bridge|macvtap|dummy)$/.exec(reason)?.[1];
  if (module) return `needs the ${module} module`;
  if (reason.includes('/dev/vhost-net') || reason.includes('vhost_net cannot be loaded')) return 'needs vhost_net';
  return reason;
}
