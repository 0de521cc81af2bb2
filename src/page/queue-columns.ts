// SPDX-License-Identifier: Apache-2.0
// The columns of the page's table: full words with units, and what each means.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { stateInFull } from '../outputs/reader-state.ts';
import { time } from '../outputs/short-figures.ts';
import { visible } from '../snapshot/visible.ts';
import { figure, share } from './page-figures.ts';
import { stateOf } from './queue-state.ts';

interface PageColumn {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly meaning: string;
  readonly text: (rate: QueueRate) => string;
  /** Numbers from the largest, words from A on; undefined: not sorted by. */
  readonly order: ((rate: QueueRate) => number | string) | undefined;
}

export const STATE: PageColumn = {
  key: 'state',
  title: 'State',
  unit: 'worst first',
  meaning: 'What the queue does this second, the worst that holds: losing, lost before, stopped, full, flowing, idle.',
  text: (rate) => stateOf(rate).word,
  order: (rate) => -stateOf(rate).rank,
};

export const PAGE_COLUMNS: readonly PageColumn[] = [
  STATE,
  {
    key: 'device',
    title: 'Queue',
    unit: 'device, owner',
    meaning: 'The device and the number of its queue; below it the VM, pod, container or program that holds it.',
    text: nameOf,
    order: nameOf,
  },
  {
    key: 'trend',
    title: 'Trend',
    unit: 'last 2 min',
    meaning:
      'Packets offered in the last two minutes, and in red those that were lost, each line in its own scale. Empty on the left: the agent, or the queue, is younger.',
    text: () => '',
    order: undefined,
  },
  number(
    'offered',
    'To guest',
    'packets/s',
    'Packets that the host sends to the guest or reader, offered to this queue.',
    ({ offered }) => offered,
  ),
  number(
    'dropped',
    'Lost',
    'packets/s',
    'Of these, the packets dropped at this queue: the guest or reader never gets them.',
    ({ dropped }) => dropped,
  ),
  {
    key: 'ring',
    title: 'Ring',
    unit: 'waiting / room',
    meaning: 'Packets that wait in the ring for the reader. A full ring drops what comes, or stops the sender.',
    text: ({ ring }) => (ring ? `${figure(ring.occupancy)} / ${figure(ring.capacity)}` : '–'),
    order: fillOf,
  },
  number(
    'stopped',
    'Stopped',
    '% of the time',
    'Time in which flow control held the sender back.',
    ({ stopped }) => stopped,
    share,
  ),
  number(
    'sojourn',
    'Wait',
    '99 % below',
    'Time in the ring that 99 of 100 packets stayed below.',
    ({ sojourn }) => sojourn,
    time,
  ),
  number(
    'written',
    'From guest',
    'packets/s',
    'Packets from the guest or writer; of the whole device, at its first queue.',
    ({ written }) => written,
  ),
  number(
    'before',
    'Lost before',
    'packets/s',
    'Lost before tun: in a qdisc, a bridge, a firewall, or for want of a reader; of the whole device.',
    ({ lostBefore }) => lostBefore,
  ),
  {
    key: 'reader',
    title: 'Reader',
    unit: 'thread, while full',
    meaning:
      'The thread that takes packets; below it what it mostly did while the queue was full: ran, waited for a CPU, slept, was stopped.',
    text: readerOf,
    order: readerOf,
  },
];

function number(
  key: string,
  title: string,
  unit: string,
  meaning: string,
  of: (rate: QueueRate) => number | undefined,
  write: (value: number | undefined) => string = figure,
): PageColumn {
  return { key, title, unit, meaning, text: (rate) => write(of(rate)), order: (rate) => of(rate) ?? -1 };
}

function nameOf({ device, queue }: QueueRate): string {
  return visible(queue === undefined ? device : `${device} / ${queue}`);
}

export function fillOf({ ring }: QueueRate): number {
  return ring && ring.capacity > 0 ? Math.min(1, ring.occupancy / ring.capacity) : -1;
}

function readerOf({ reader }: QueueRate): string {
  return reader ? visible(reader.name) : '–';
}

/** The reader's thread, and what it did while the queue was full. */
export function didOf({ reader, state }: QueueRate): string {
  return visible([reader?.thread, state && stateInFull(state)].filter(Boolean).join(', '));
}
