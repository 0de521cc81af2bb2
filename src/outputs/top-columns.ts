// SPDX-License-Identifier: Apache-2.0
// The columns of `tapscope top`: what they show, how wide they are, and which stay when there is no room for all.
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { percent, short, time } from './short-figures.ts';
import type { Style } from './terminal-text.ts';
import type { Status, TopRow } from './top-rows.ts';

export interface Column {
  readonly title: string;
  /** The title where there is room, and always in the help; undefined: the title is in full words. */
  readonly inFull?: string | undefined;
  /** Pressed to sort by it, the largest first (names: the smallest). */
  readonly key: string;
  /** The last one takes what is left. */
  readonly width: number;
  /** 0 stays longest. */
  readonly rank: number;
  readonly align: 'left' | 'right';
  /** The meaning, for the help. */
  readonly meaning: string;
  readonly cell: (row: TopRow) => string;
  readonly order: (row: TopRow) => number | string;
  readonly style?: (row: TopRow) => Style | undefined;
}

const STATUS_ORDER: readonly Status[] = ['critical', 'warning', 'losing', 'note', 'unknown', 'ok', 'idle'];

export const STATUS_STYLES: Readonly<Partial<Record<Status, Style>>> = {
  critical: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  losing: 'yellow',
  note: 'cyan',
  idle: 'dim',
};

const ALL: readonly (Column | Omit<Column, 'order'>)[] = [
  {
    title: 'DEVICE',
    key: 'n',
    width: 15,
    rank: 0,
    align: 'left',
    meaning: 'device and queue; with its VM, pod, container or namespace where two devices have one name',
    cell: ({ name }) => name,
  },
  {
    title: 'STATUS',
    key: 'u',
    width: 8,
    rank: 2,
    align: 'left',
    meaning:
      'critical and warning: what a rule found in the last 10 s, Enter shows it; losing: packets are lost, too few for a finding; note: harmless, or meant; idle: no packet',
    cell: ({ status }) => status,
    order: ({ status }) => -STATUS_ORDER.indexOf(status),
    style: ({ status }) => STATUS_STYLES[status],
  },
  figure(['LOST/s'], 'd', 7, 1, 'packets a second that the queue lost', ({ rate }) => rate.dropped, short, 'red'),
  figure(
    ['TO/s', 'TO GUEST/s'],
    't',
    7,
    3,
    'packets a second offered to the guest or reader',
    ({ rate }) => rate.offered,
  ),
  figure(
    ['FROM/s', 'FROM GUEST/s'],
    'f',
    7,
    5,
    'packets a second from the guest or writer, of the device',
    ({ rate }) => rate.written,
  ),
  {
    title: 'RING',
    key: 'r',
    width: 18,
    rank: 4,
    align: 'left',
    meaning: 'packets that wait in the ring now, and how many it holds',
    cell: ringOf,
    order: fillOf,
  },
  figure(
    ['STOP', 'STOPPED'],
    's',
    5,
    8,
    'share of the time in which the queue was stopped',
    ({ rate }) => rate.stopped,
    percent,
  ),
  figure(
    ['DELAY', 'DELAY p99'],
    'p',
    7,
    9,
    'time in the ring: 99 of 100 packets waited less (last 10 s)',
    ({ rate }) => rate.sojourn,
    time,
  ),
  figure(
    ['BEFORE/s', 'LOST BEFORE/s'],
    'b',
    8,
    10,
    'packets a second lost before the queue: qdisc, bridge, firewall',
    ({ rate }) => rate.lostBefore,
    short,
    'yellow',
  ),
  {
    title: 'STATE',
    key: 'e',
    width: 9,
    rank: 6,
    align: 'left',
    meaning: 'what the reader mostly did while the queue was full or stopped',
    cell: ({ rate }) => rate.state ?? '–',
    order: ({ rate }) => rate.state ?? '~',
  },
  { title: 'READER', key: 'i', width: 19, rank: 11, align: 'left', meaning: 'the thread that reads', cell: readerOf },
  {
    title: 'OWNER',
    key: 'o',
    width: 20,
    rank: 7,
    align: 'left',
    meaning: 'VM, pod, container or program that holds the queue, and its network namespace',
    cell: ({ rate: { owner, namespace } }) => `${owner ? whose(owner) : '–'} in ${namespace}`,
  },
];

/** Names chosen by others cannot send control characters to the terminal. */
export const COLUMNS: readonly Column[] = ALL.map((column) => {
  const cell = (row: TopRow): string => visible(column.cell(row));
  return { order: cell, ...column, cell };
});

/** The sign behind the title of the column by which rows are sorted. */
export const SORT_SIGN = '*';

/** The least columns for losses beside the name of a device, however narrow the terminal is. */
const LOSSES = 8;

/** The columns that fit, in their order; the first is always there, cut if need be. `longest`: the longest name. */
export function columnsIn(width: number, longest = 0): readonly Column[] {
  let left = width;
  const columns = COLUMNS.map((one) =>
    one.rank === 0 ? { ...one, width: Math.max(4, Math.min(nameWidth(one, width, longest), width - LOSSES)) } : one,
  );
  const kept = [...columns]
    .sort((a, b) => a.rank - b.rank)
    .filter((one) => {
      const needed = one.width + (left < width ? 1 : 0);
      const fits = one.rank === 0 || needed <= left;
      if (fits) left -= needed;
      return fits;
    });
  return inFull(
    columns.filter((one) => kept.includes(one)),
    left,
  );
}

/** Uses full words as titles where `room` is left, first for the columns that stay longest. */
function inFull(columns: readonly Column[], room: number): readonly Column[] {
  let left = room;
  const widened = columns
    .toSorted((a, b) => a.rank - b.rank)
    .flatMap((one) => {
      if (one.inFull === undefined) return [];
      const width = Math.max(one.width, one.inFull.length + SORT_SIGN.length);
      if (width - one.width > left) return [];
      left -= width - one.width;
      return { ...one, title: one.inFull, width };
    });
  return columns.map((column) => widened.find(({ key }) => key === column.key) ?? column);
}

/** A quarter of the terminal, if names are so long. */
function nameWidth(column: Column, width: number, longest: number): number {
  return Math.max(column.width, Math.min(longest, Math.floor(width / 4)));
}

function figure(
  [title, full]: readonly [title: string, inFull?: string],
  key: string,
  width: number,
  rank: number,
  meaning: string,
  value: (row: TopRow) => number | undefined,
  words = short,
  style?: Style,
): Column {
  return {
    ...{ title, inFull: full, key, width, rank, meaning, align: 'right' },
    cell: (row) => words(value(row)),
    order: (row) => value(row) ?? -1,
    style: (row) => ((value(row) ?? 0) > 0 ? style : undefined),
  };
}

function fillOf({ rate: { ring } }: TopRow): number {
  return ring && ring.capacity > 0 ? ring.occupancy / ring.capacity : -1;
}

const BAR = 8;

function ringOf(row: TopRow): string {
  const { ring } = row.rate;
  if (!ring) return '–';
  const filled = ring.occupancy > 0 ? Math.max(1, Math.round(BAR * Math.min(1, fillOf(row)))) : 0;
  return `${'█'.repeat(filled)}${'·'.repeat(BAR - filled)} ${ring.occupancy}/${ring.capacity}`;
}

function readerOf({ rate: { reader } }: TopRow): string {
  return reader ? `${reader.name}${reader.thread === undefined ? '' : ` ${reader.thread}`}` : '–';
}
