// SPDX-License-Identifier: Apache-2.0
// The rows of the multiqueue mail, by the stream cell that repeats them.
import type { StreamCell } from './bench-report.ts';
import mails from './mails.json' with { type: 'json' };

export interface MailRow {
  /** Mbit/s. */
  readonly throughput: number;
  /** Percent. */
  readonly cpu: number;
  readonly normalized: number;
}

const netperf = mails.flatMap(({ figures }) => ('netperf' in figures ? (figures.netperf ?? []) : []));

/** The mail's number of a test, by direction and bytes of a message. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['guest-to-external 512', 1],
  ['guest-to-external null', 2],
  ['external-to-guest null', 3],
  ['external-to-guest 512', 4],
  ['guest-to-host 512', 5],
  ['guest-to-host null', 6],
  ['host-to-guest 512', 7],
  ['host-to-guest null', 8],
]);

/** Infinity: the mail has no such test. */
export function testNumber(cell: StreamCell | undefined): number {
  return NUMBERS.get(`${cell?.direction} ${cell?.size}`) ?? Number.POSITIVE_INFINITY;
}

/** undefined: the mail has none. */
export function mailRow(cell: StreamCell, driver: 'multiqueue' | 'single queue'): MailRow | undefined {
  const blocks = netperf.find(({ number }) => number === testNumber(cell))?.blocks;
  const block = blocks?.find((one) => one.driver === driver && one.smp === cell.cpus && one.queues === cell.queues);
  const [, throughput, cpu, normalized] = block?.rows.find(([sessions]) => sessions === cell.sessions) ?? [];
  return throughput === undefined || cpu === undefined || normalized === undefined
    ? undefined
    : { throughput, cpu, normalized };
}
