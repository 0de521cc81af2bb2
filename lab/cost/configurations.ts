// SPDX-License-Identifier: Apache-2.0
// What is attached while the packet paths are clocked, and what it may add.

/** The clocked paths, by packet socket if nothing else is said; 'foreign': of a device that is none of ours. */
export const PATHS = [
  'enqueue',
  'drop',
  'read',
  'foreign packet',
  'foreign drop',
  'pktgen enqueue',
  'pktgen drop',
] as const;
export type Path = (typeof PATHS)[number];

/** Instructions per packet. */
export type Prices = Readonly<Record<Path, number>>;

export interface Configuration {
  readonly name: string;
  /** Mechanism by event, as in `--mechanism`; an event that is not named is off. */
  readonly mechanisms: Readonly<Record<string, string>>;
  /** At most this many instructions per packet more than with nothing attached. */
  readonly limits?: Readonly<Partial<Record<Path, number>>>;
}

export const BASELINE: Configuration = { name: 'nothing', mechanisms: {} };

export const CONFIGURATIONS: readonly Configuration[] = [
  BASELINE,
  { name: 'raw: transmit', mechanisms: { transmit: 'raw-tracepoint' } },
  { name: 'raw: freed', mechanisms: { freed: 'raw-tracepoint' } },
  {
    name: 'raw mode',
    mechanisms: { transmit: 'raw-tracepoint', freed: 'raw-tracepoint' },
    limits: { enqueue: 600, drop: 1000, 'foreign packet': 280, read: 8 },
  },
];
