// SPDX-License-Identifier: Apache-2.0
// node --expose-gc test/snapshots/remember.ts QUEUES: half an hour of a made-up host whose queues all carry traffic, as the history keeps
// it: what it takes, and what a second costs. Steps that it would have folded away are left out from the start: the rest is the same.
import { History } from '../../src/history/history.ts';
import { keepHeapSmall } from '../../src/kernel/processes/small-heap.ts';
import { median } from '../host/percentile.ts';
import { busyHost } from './busy-host.ts';

export interface Remembered {
  /** Memory in use after a collection, with the snapshots of the last seconds that rules look at. */
  readonly megabytes: number;
  /** What the history itself says of its steps. */
  readonly stepMegabytes: number;
  readonly spanSeconds: number;
  /** Median CPU times for a second in which all queues carried traffic, and for one in which none did. */
  readonly busyMs: number;
  readonly idleMs: number;
}

/** Half an hour, and the time for which the oldest block is still kept for its last step. */
const HALF_HOUR = 1830 + 360;
/** When, before the end, seconds begin to be told in finer steps. */
const FINER = [
  { within: 110, step: 1 },
  { within: 440, step: 10 },
  { within: HALF_HOUR, step: 30 },
];

function remember(queues: number): Remembered {
  const history = new History();
  const empty = memory();
  for (let second = 0; second < HALF_HOUR; second += stepAt(second)) history.add(busyHost(queues, second));
  const megabytes = memory() - empty;
  const busy = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((more) => cpuMs(history, queues, HALF_HOUR + more, HALF_HOUR + more));
  const still = [10, 11, 12, 13, 14, 15, 16, 17, 18].map((more) =>
    cpuMs(history, queues, HALF_HOUR + more, HALF_HOUR + 8),
  );
  const { from = 0, to = 0 } = history.span ?? {};
  return {
    megabytes,
    stepMegabytes: history.bytes / 2 ** 20,
    spanSeconds: to - from,
    busyMs: median(busy),
    idleMs: median(still),
  };
}

function stepAt(second: number): number {
  return FINER.find(({ within }) => HALF_HOUR - second <= within)?.step ?? 30;
}

let pause = busyHost(1, 0);

/** The CPU time for the second `at`, on a host that stands still since `until`. */
function cpuMs(history: History, queues: number, at: number, until: number): number {
  if (at === until || pause.devices.length !== queues) pause = busyHost(queues, until);
  const snapshot = structuredClone({ ...pause, takenAt: 1_795_000_000 + at + 0.5 });
  globalThis.gc?.(); // frees what making the snapshot took
  const before = process.cpuUsage();
  history.add(snapshot);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function memory(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

keepHeapSmall();
process.send?.(remember(Number(process.argv[2])));
