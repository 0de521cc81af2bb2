// SPDX-License-Identifier: Apache-2.0
// What `perf stat -p` shows of threads, by perf_event_open(2).
import { closeSync, readSync } from 'node:fs';
import { errnoOf } from '../src/kernel/error-name.ts';
import { native } from '../src/kernel/native.ts';

// linux/perf_event.h: stable ABI
const PERF_TYPE_HARDWARE = 0;
const PERF_TYPE_SOFTWARE = 1;

const EVENTS = {
  taskClockNs: [PERF_TYPE_SOFTWARE, 1],
  pageFaults: [PERF_TYPE_SOFTWARE, 2],
  contextSwitches: [PERF_TYPE_SOFTWARE, 3],
  migrations: [PERF_TYPE_SOFTWARE, 4],
  cycles: [PERF_TYPE_HARDWARE, 0],
  instructions: [PERF_TYPE_HARDWARE, 1],
  branches: [PERF_TYPE_HARDWARE, 4],
  branchMisses: [PERF_TYPE_HARDWARE, 5],
  stalledFrontend: [PERF_TYPE_HARDWARE, 7],
} as const;
export type EventName = keyof typeof EVENTS;

function eachEvent<Value>(of: (name: EventName) => Value): Readonly<Record<EventName, Value>> {
  return {
    taskClockNs: of('taskClockNs'),
    pageFaults: of('pageFaults'),
    contextSwitches: of('contextSwitches'),
    migrations: of('migrations'),
    cycles: of('cycles'),
    instructions: of('instructions'),
    branches: of('branches'),
    branchMisses: of('branchMisses'),
    stalledFrontend: of('stalledFrontend'),
  };
}

/** How the kernel says that this machine has no such counter, none that is free, or none for this user. */
export const NOT_HERE = ['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EBUSY', 'ENOSYS', 'EACCES', 'EPERM'];

/** Sums over one or more threads; undefined: this machine has no such counter, or this user may not have it. */
export type ThreadCounts = Readonly<Record<EventName, number | undefined>> & {
  /** Of the time in which the event was enabled, the share in which it had a counter, 0 to 1; those that always had one are left out. */
  readonly counted: Readonly<Partial<Record<EventName, number>>>;
};

/** Of a thread, since the event was opened: the count, and nanoseconds in which it was enabled, and had a counter. */
type Reading = readonly [count: number, enabled: number, running: number];
/** Of each thread; undefined: no such counter. */
type Readings = Readonly<Record<EventName, readonly Reading[] | undefined>>;

export interface PerfCounters {
  read(): Readings;
  close(): void;
}

/** Counts these threads from now on, in the kernel and outside. Throws if one of them is gone. */
export function countThreads(tids: readonly number[]): PerfCounters {
  const opened: number[] = [];
  const close = (): void => {
    for (const fd of opened.splice(0)) closeSync(fd);
  };
  const openAll = (name: EventName): readonly number[] | undefined => {
    if (tids.length === 0) return undefined;
    const [type, config] = EVENTS[name];
    try {
      return tids.map((tid) => {
        const fd = native().openPerfEvent(type, config, tid);
        opened.push(fd);
        return fd;
      });
    } catch (error) {
      if (NOT_HERE.includes(errnoOf(error) ?? '')) return undefined;
      close();
      throw error;
    }
  };
  const fds = eachEvent(openAll);
  return { read: () => eachEvent((name) => fds[name]?.map(readCounter)), close };
}

/** The counts between two readings; without the first: since the counters were opened. */
export function since(before: Readings | undefined, after: Readings): ThreadCounts {
  const counted: Partial<Record<EventName, number>> = {};
  const counts = eachEvent((name) => {
    const grown = after[name]?.map((to, index) => growth(before?.[name]?.[index], to));
    const [enabled, running] = [sum(grown, 1), sum(grown, 2)];
    if (running < enabled) counted[name] = running / enabled;
    // Where more events want counters than the CPU has, they take turns: scaled by the time in which this one counted.
    return grown?.reduce((total, [count, on, had]) => total + (had > 0 ? (count * on) / had : 0), 0);
  });
  return { ...counts, counted };
}

function growth([count, enabled, running]: Reading = [0, 0, 0], to: Reading): Reading {
  return [to[0] - count, to[1] - enabled, to[2] - running];
}

function sum(readings: readonly Reading[] | undefined, part: 1 | 2): number {
  return (readings ?? []).reduce((total, reading) => total + reading[part], 0);
}

function readCounter(fd: number): Reading {
  // PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING
  const words = new BigUint64Array(3);
  readSync(fd, words);
  const [count = 0, enabled = 0, running = 0] = [...words].map(Number);
  return [count, enabled, running];
}
