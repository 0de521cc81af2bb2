// SPDX-License-Identifier: Apache-2.0
// The columns of `tapscope top`: what they show, how wide they are, and which stay when there is no room for all.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { percent, short, time } from './short-figures.ts';

export interface Column {
  readonly title: string;
  /** Pressed to sort by it, the largest first (names: the smallest). */
  readonly key: string;
  /** The last one takes what is left. */
  readonly width: number;
  /** 0 stays longest. */
  readonly rank: number;
  readonly align: 'left' | 'right';
  readonly cell: (rate: QueueRate) => string;
  readonly order: (rate: QueueRate) => number | string;
}

export const COLUMNS: readonly Column[] = [
  column('DEVICE', 'n', 15, 0, 'left', nameOf, nameOf),
  column(
    'DROP/s',
    'd',
    7,
    1,
    'right',
    ({ dropped }) => short(dropped),
    ({ dropped }) => dropped ?? -1,
  ),
  column(
    'TO/s',
    't',
    7,
    2,
    'right',
    ({ offered }) => short(offered),
    ({ offered }) => offered ?? -1,
  ),
  column(
    'FROM/s',
    'f',
    7,
    5,
    'right',
    ({ written }) => short(written),
    ({ written }) => written ?? -1,
  ),
  column('RING', 'r', 18, 3, 'left', ringOf, fillOf),
  column(
    'STOP',
    's',
    5,
    6,
    'right',
    ({ stopped }) => percent(stopped),
    ({ stopped }) => stopped ?? -1,
  ),
  column(
    'P99<',
    'p',
    7,
    7,
    'right',
    ({ sojourn }) => time(sojourn),
    ({ sojourn }) => sojourn ?? -1,
  ),
  column(
    'BEFORE/s',
    'b',
    8,
    9,
    'right',
    ({ lostBefore }) => short(lostBefore),
    ({ lostBefore }) => lostBefore ?? -1,
  ),
  column(
    'STATE',
    'e',
    9,
    4,
    'left',
    ({ state }) => state ?? '–',
    ({ state }) => state ?? '~',
  ),
  column('READER', 'i', 19, 8, 'left', readerOf, readerOf),
  column('OWNER', 'o', 20, 10, 'left', ownerOf, ownerOf),
];

/** Beside the name of a device losses have room, however narrow it is. */
const LOSSES = 8;

/** Those that fit, in their order; the first always does, cut if need be. */
export function columnsIn(width: number): readonly Column[] {
  let left = width;
  const columns = COLUMNS.map((one) =>
    one.rank === 0 ? { ...one, width: Math.max(4, Math.min(one.width, width - LOSSES)) } : one,
  );
  const kept = [...columns]
    .sort((a, b) => a.rank - b.rank)
    .filter((one) => {
      const needed = one.width + (left < width ? 1 : 0);
      const fits = one.rank === 0 || needed <= left;
      if (fits) left -= needed;
      return fits;
    });
  return columns.filter((one) => kept.includes(one));
}

function column(
  title: string,
  key: string,
  width: number,
  rank: number,
  align: Column['align'],
  cell: Column['cell'],
  order: Column['order'],
): Column {
  return { title, key, width, rank, align, cell: (rate) => visible(cell(rate)), order };
}

function nameOf({ device, queue }: QueueRate): string {
  return queue === undefined ? device : `${device}/${queue}`;
}

function fillOf({ ring }: QueueRate): number {
  return ring && ring.capacity > 0 ? ring.occupancy / ring.capacity : -1;
}

const BAR = 8;

function ringOf(rate: QueueRate): string {
  const { ring } = rate;
  if (!ring) return '–';
  const filled = ring.occupancy > 0 ? Math.max(1, Math.round(BAR * Math.min(1, fillOf(rate)))) : 0;
  return `${'█'.repeat(filled)}${'·'.repeat(BAR - filled)} ${ring.occupancy}/${ring.capacity}`;
}

function readerOf({ reader }: QueueRate): string {
  return reader ? `${reader.name}${reader.thread === undefined ? '' : ` ${reader.thread}`}` : '–';
}

function ownerOf({ owner, namespace }: QueueRate): string {
  return `${owner ? whose(owner) : '–'} in ${namespace}`;
}
