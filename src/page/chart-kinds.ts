// SPDX-License-Identifier: Apache-2.0
// The charts of a queue and their units.
import type { QueueSeries } from '../diagnosis/queue-series.ts';
import { stateInFull } from '../outputs/reader-state.ts';
import { figure } from './page-figures.ts';

type Column = QueueSeries['offered'];

export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: Column;
  readonly isDashed?: boolean;
}

export interface ChartKind {
  readonly title: string;
  readonly unit: string;
  /** Each line stands on those before it. */
  readonly isStacked: boolean;
  readonly linesOf: (series: QueueSeries) => readonly Line[];
  readonly write: (value: number | null | undefined) => string;
}

/** Told apart by people who do not see red or green, on white and on black (after Okabe and Ito). */
const BLUE = '#2b8cd6';
const ORANGE = '#e0712c';
const GREEN = '#1fa57f';
const COLOURS = [ORANGE, '#cc79a7', '#e6a817', '#56b4e9', '#8f7ee7', '#999999'];

/** The same state has the same colour on every queue's page. */
const READER: Readonly<Record<string, string>> = {
  running: BLUE,
  waiting: '#e6a817',
  sleeping: '#8f7ee7',
  stopped: ORANGE,
  throttled: '#cc79a7',
  gone: '#6b7280',
  unknown: '#b8bec8',
};

export const CHART_KINDS: readonly ChartKind[] = [
  {
    title: 'To the guest or reader',
    unit: 'packets a second',
    isStacked: false,
    linesOf: ({ offered, delivered }) => [
      { name: 'offered', colour: BLUE, values: offered },
      { name: 'delivered', colour: GREEN, values: delivered },
    ],
    write: packets,
  },
  {
    title: 'Lost at this queue, by the kernel’s reason',
    unit: 'packets a second',
    isStacked: false,
    linesOf: ({ dropped, reasons }) => {
      const named = Object.entries(reasons);
      if (named.length === 0) return [{ name: 'lost', colour: ORANGE, values: dropped }];
      return named.map(([name, values], index) => ({
        name,
        colour: COLOURS[index % COLOURS.length] ?? ORANGE,
        values,
      }));
    },
    write: packets,
  },
  {
    title: 'Waiting in the ring',
    unit: 'packets',
    isStacked: false,
    linesOf: ({ occupancy, capacity }) => [
      { name: 'packets', colour: BLUE, values: occupancy },
      { name: 'room', colour: '#8a93a1', values: capacity, isDashed: true },
    ],
    write: packets,
  },
  {
    title: 'What the reader did while the queue was full or stopped',
    unit: '% of the time',
    isStacked: true,
    linesOf: ({ reader }) => {
      const states = Object.entries(reader).filter(([, values]) => values.some((value) => (value ?? 0) > 0));
      return withinWhole(states).map(([state, values]) => ({
        name: stateInFull(state),
        colour: READER[state] ?? '#b8bec8',
        values,
      }));
    },
    write: shares,
  },
  {
    title: 'Queue stopped by flow control',
    unit: '% of the time',
    isStacked: false,
    linesOf: ({ stopped }) =>
      stopped.some((value) => (value ?? 0) > 0)
        ? [{ name: 'stopped', colour: ORANGE, values: stopped.map((value) => value && Math.min(1, value)) }]
        : [],
    write: shares,
  },
];

/** Two clocks make a second a little longer or shorter: together they are never more than all the time. */
function withinWhole(states: readonly (readonly [string, Column])[]): readonly (readonly [string, Column])[] {
  return states.map(([name, values]) => [
    name,
    values.map((value, index) => {
      const all = states.reduce((sum, [, others]) => sum + (others[index] ?? 0), 0);
      return value === null ? null : value / Math.max(1, all);
    }),
  ]);
}

function packets(value: number | null | undefined): string {
  return figure(value ?? undefined);
}

function shares(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${Math.round(100 * value)} %`;
}
