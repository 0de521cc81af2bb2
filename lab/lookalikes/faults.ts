// SPDX-License-Identifier: Apache-2.0
// Faults that look alike at a full ring, and the rules that may come first for each.

export interface LookAlike {
  readonly name: string;
  /** Any of these is right; the first is what the scene is made for. */
  readonly rules: readonly string[];
  readonly ring: number;
  /** Words of lab/lookalikes/player.c. */
  readonly reader: string;
  /** Packets a second (0: all that it can), and those that come at once. */
  readonly sends: readonly [perSecond: number, lump: number];
  /** What has the reader's CPU, as it is started; the reader runs on that CPU alone. */
  readonly hog?: readonly string[];
  /** Hogs of that kind. */
  readonly hogs?: number;
  /** The reader's cgroup may run for so many microseconds of 100 000. */
  readonly quota?: number;
}

const STARVED = ['reader-starved'];
/** On a loaded machine a slow reader waits for its CPU as well. */
const SLOW = ['reader-cpu-bound', 'reader-starved'];
/** A ring of less than 50 that the default would replace. */
const SHORT = ['ring-full-burst'];
const BURST = ['ring-full-burst'];
const BLOCKED = ['reader-blocked'];

/** On a machine with so many busy loops a reader that bursts wake is starved as well. */
const MUCH_LOAD = 8;

export function rightOf({ rules }: LookAlike, load: number): readonly string[] {
  return rules === BURST && load >= MUCH_LOAD ? [...BURST, ...STARVED] : rules;
}

export const LOOK_ALIKES: readonly LookAlike[] = [
  {
    name: 'starved by nice -20',
    rules: STARVED,
    ring: 500,
    reader: 'block work=10',
    sends: [8000, 40],
    hog: ['nice', '-n', '-20'],
  },
  {
    name: 'starved by three at nice -5',
    rules: STARVED,
    ring: 500,
    reader: 'block work=20',
    sends: [20_000, 100],
    hog: ['nice', '-n', '-5'],
    hogs: 3,
  },
  {
    name: 'starved by SCHED_FIFO',
    rules: STARVED,
    ring: 500,
    reader: 'block work=10',
    sends: [10_000, 50],
    hog: ['chrt', '-f', '50'],
  },
  { name: 'throttled', rules: STARVED, ring: 500, reader: 'block work=20', sends: [15_000, 50], quota: 10_000 },
  { name: 'slow for each packet', rules: SLOW, ring: 500, reader: 'block work=100', sends: [15_000, 50] },
  { name: 'slow, and short bursts', rules: SLOW, ring: 500, reader: 'block work=150', sends: [9000, 400] },
  { name: 'flood', rules: SLOW, ring: 500, reader: 'block', sends: [0, 1] },
  { name: 'flood to a ring of 1000', rules: SLOW, ring: 1000, reader: 'block work=3', sends: [0, 1] },
  { name: 'ring of 2', rules: SHORT, ring: 2, reader: 'block', sends: [1000, 20] },
  { name: 'ring of 8', rules: SHORT, ring: 8, reader: 'block', sends: [2000, 20] },
  { name: 'ring of 16, a computing reader', rules: SHORT, ring: 16, reader: 'block work=50', sends: [4000, 40] },
  { name: 'ring of 2, by signals', rules: SHORT, ring: 2, reader: 'signal', sends: [1000, 20] },
  { name: 'bursts of 2000', rules: BURST, ring: 500, reader: 'block', sends: [6000, 2000] },
  { name: 'bursts of 700', rules: BURST, ring: 500, reader: 'block work=20', sends: [1500, 700] },
  {
    name: 'pauses of 0.2 s',
    rules: BLOCKED,
    ring: 500,
    reader: 'block pause=200000 period=1000000',
    sends: [4000, 4],
  },
  {
    name: 'pauses of 0.4 s',
    rules: BLOCKED,
    ring: 500,
    reader: 'block pause=400000 period=2000000',
    sends: [4000, 4],
  },
  { name: 'pauses of 1 s', rules: BLOCKED, ring: 500, reader: 'block pause=1000000 period=3000000', sends: [4000, 4] },
  { name: 'sleeps 1 ms after 2', rules: BLOCKED, ring: 500, reader: 'sleep every=1000 most=2', sends: [6000, 20] },
  { name: 'sleeps 5 ms after 10', rules: BLOCKED, ring: 500, reader: 'sleep every=5000 most=10', sends: [6000, 20] },
  {
    name: 'looks every 20 ms',
    rules: [...BLOCKED, ...BURST],
    ring: 500,
    reader: 'sleep every=20000',
    sends: [50_000, 50],
  },
  { name: 'slow, by signals', rules: SLOW, ring: 500, reader: 'signal work=100', sends: [15_000, 50] },
  { name: 'slow, by turns', rules: SLOW, ring: 500, reader: 'turns work=100', sends: [15_000, 50] },
  {
    name: 'sleeps 5 ms after 10, one thread of four',
    rules: BLOCKED,
    ring: 500,
    reader: 'sleep every=5000 most=10 others=3',
    sends: [6000, 20],
  },
  {
    name: 'slow, by signals, one thread of three',
    rules: SLOW,
    ring: 500,
    reader: 'signal work=100 others=2',
    sends: [15_000, 50],
  },
];
