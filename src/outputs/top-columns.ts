// SPDX-License-Identifier: Apache-2.0
// The columns of `tapscope top`: what they show, how wide they are, and which stay when there is no room for all.
import stringWidth from 'fast-string-width';
import { lostOf } from '../diagnosis/host-totals.ts';
import { guestOf } from '../snapshot/owner.ts';
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { shortState } from './reader-state.ts';
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
  figure(
    ['LOST/s'],
    'd',
    7,
    1,
    'packets a second that the queue lost; of a device without a queue, those lost before it',
    ({ rate }) => lostOf(rate),
    short,
    'red',
  ),
  figure(
    ['OFFER/s', 'OFFERED/s'],
    't',
    7,
    3,
    'packets a second that came for the guest or reader; those lost in the queue are among them',
    ({ rate }) => rate.offered,
  ),
  figure(
    ['FROM/s', 'FROM GUEST/s'],
    'f',
    7,
    8,
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
    9,
    'share of the time in which the queue was stopped',
    ({ rate }) => rate.stopped,
    percent,
  ),
  figure(
    ['DELAY', 'DELAY p99'],
    'p',
    7,
    10,
    'time in the ring: 99 of 100 packets waited less (last 10 s)',
    ({ rate }) => rate.sojourn,
    time,
  ),
  figure(
    ['BEFORE/s', 'LOST BEFORE/s'],
    'b',
    8,
    11,
    'packets a second lost before the queue: qdisc, bridge, firewall',
    ({ rate }) => rate.lostBefore,
    short,
    'yellow',
  ),
  {
    title: 'STATE',
    key: 'e',
    width: 9,
    rank: 7,
    align: 'left',
    meaning: 'what the reader mostly did while the queue was full or stopped; no CPU: it waited for one',
    cell: ({ rate: { state } }) => (state === undefined ? '–' : shortState(state)),
    order: ({ rate }) => rate.state ?? '~',
  },
  { title: 'READER', key: 'i', width: 23, rank: 6, align: 'left', meaning: 'the thread that reads', cell: readerOf },
  {
    title: 'OWNER',
    key: 'o',
    width: 20,
    rank: 5,
    align: 'left',
    meaning:
      'VM, pod, container or program that holds the queue, and its network namespace; with the reader where there is no room for two columns',
    cell: ({ rate: { owner, namespace } }) => `${owner ? whose(owner) : '–'} in ${namespace}`,
  },
];

/** Names chosen by others cannot send control characters to the terminal. */
export const COLUMNS: readonly Column[] = ALL.map((column) => {
  const cell = (row: TopRow): string => visible(column.cell(row));
  return { order: cell, ...column, cell };
});

/** Reader and owner in one column. */
const BOTH: Column = {
  ...{ title: 'READER, OWNER', key: 'o', width: 26, rank: 5, align: 'left', meaning: '' },
  cell: (row) => visible(readerAndOwner(row)),
  order: readerAndOwner,
};

/** The sign behind the title of the column by which rows are sorted. */
export const SORT_SIGN = '*';

/** The least columns for losses beside the name of a device, however narrow the terminal is. */
const LOSSES = 8;

/** A narrow terminal keeps the figures of the ring and leaves out its bar. */
const NARROW = 100;
const RING_FIGURES = 9;

/** Figures that many hosts do not measure: where no row has one, the column gives its place to the owner. */
const NOT_EVERYWHERE = ['s', 'p', 'b'];

/** The columns that fit, in their order; the first is always there, cut if need be. */
export function columnsIn(width: number, rows: readonly TopRow[] = []): readonly Column[] {
  const longest = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  const all = COLUMNS.reduce((sum, one) => sum + one.width + 1, -1);
  const owner = width < all ? BOTH : COLUMNS.at(-1);
  const ownerWidth = rows.reduce((most, row) => Math.max(most, stringWidth(owner?.cell(row) ?? '')), 0);
  let left = width;
  const columns = COLUMNS.flatMap((one) => {
    if (NOT_EVERYWHERE.includes(one.key) && width < all + ownerWidth && isEmpty(one, rows)) return [];
    if (one.rank === 0) {
      const wanted = longest === 0 ? one.width : nameWidth(one, width, longest);
      return { ...one, width: Math.max(4, Math.min(wanted, width - LOSSES)) };
    }
    if (one.key === 'r' && width < NARROW) return { ...one, width: RING_FIGURES, cell: ringFigures };
    if (one.key === 'i' && (width < all || (rows.length > 0 && rows.every(isOwnReader)))) return [];
    return one.key === 'o' && width < all ? BOTH : one;
  });
  const kept = columns
    .toSorted((a, b) => a.rank - b.rank)
    .filter((one) => {
      const needed = one.width + (left < width ? 1 : 0);
      const fits = one.rank === 0 || needed <= left;
      if (fits) left -= needed;
      return fits;
    });
  const shown = columns.filter((one) => kept.includes(one));
  const last = shown.at(-1);
  // Words of a title are in the help, and who holds a queue is nowhere else.
  return inFull(shown, left - (last?.key === 'o' ? Math.max(0, ownerWidth - last.width) : 0));
}

function isEmpty({ cell }: Column, rows: readonly TopRow[]): boolean {
  return rows.length > 0 && rows.every((row) => cell(row) === '–');
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

/** As long as the names are, up to a quarter of the terminal. */
function nameWidth({ title, width: usual }: Column, width: number, longest: number): number {
  return Math.max(title.length + SORT_SIGN.length, Math.min(longest, Math.max(usual, Math.floor(width / 4))));
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

function ringFigures({ rate: { ring } }: TopRow): string {
  return ring ? `${ring.occupancy}/${ring.capacity}` : '–';
}

function ringOf(row: TopRow): string {
  const { ring } = row.rate;
  if (!ring) return '–';
  const filled = ring.occupancy > 0 ? Math.max(1, Math.round(BAR * Math.min(1, fillOf(row)))) : 0;
  return `${'█'.repeat(filled)}${'·'.repeat(BAR - filled)} ${ringFigures(row)}`;
}

function readerOf({ rate: { reader } }: TopRow): string {
  return reader ? `${reader.name}${reader.thread === undefined ? '' : ` ${reader.thread}`}` : '–';
}

/** One program holds the device and reads it: its name once is enough. */
function isOwnReader({ rate: { reader, owner } }: TopRow): boolean {
  if (!reader) return true;
  return reader.name === owner?.comm && (reader.thread ?? owner.pid) === owner.pid && !guestOf(owner.identity);
}

/** 'VM web1: qemu-system-x86 7927 in blue', 'openvpn 312 in blue'. */
function readerAndOwner(row: TopRow): string {
  const { owner, reader, namespace } = row.rate;
  const guest = guestOf(owner?.identity);
  if (!owner || !reader) return `${owner ? whose(owner) : '–'} in ${namespace}`;
  if (guest) return `${guest.join(' ')}: ${readerOf(row)} in ${namespace}`;
  return `${readerOf(row)}${isOwnReader(row) ? '' : ` of ${whose(owner)}`} in ${namespace}`;
}
