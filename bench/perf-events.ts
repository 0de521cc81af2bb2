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
  contextSwitches: [PERF_TYPE_SOFTWARE, 3],
  migrations: [PERF_TYPE_SOFTWARE, 4],
  cycles: [PERF_TYPE_HARDWARE, 0],
  instructions: [PERF_TYPE_HARDWARE, 1],
} as const;
type EventName = keyof typeof EVENTS;

/** How the kernel says that this machine has no such counter, none that is free, or none for this user. */
const NOT_HERE = ['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EBUSY', 'ENOSYS', 'EACCES', 'EPERM'];

/** Sums over the threads. undefined: there are none, this machine has no such counter, or this user may not have it. */
export interface PerfCounts {
  readonly taskClockNs: number | undefined;
  readonly contextSwitches: number | undefined;
  readonly migrations: number | undefined;
  readonly cycles: number | undefined;
  readonly instructions: number | undefined;
}

export interface PerfCounters {
  /** The counts since the counters were opened. */
  read(): PerfCounts;
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
  const fds = {
    taskClockNs: openAll('taskClockNs'),
    contextSwitches: openAll('contextSwitches'),
    migrations: openAll('migrations'),
    cycles: openAll('cycles'),
    instructions: openAll('instructions'),
  };
  const sum = (name: EventName): number | undefined => fds[name]?.reduce((total, fd) => total + readCounter(fd), 0);
  return {
    read: () => ({
      taskClockNs: sum('taskClockNs'),
      contextSwitches: sum('contextSwitches'),
      migrations: sum('migrations'),
      cycles: sum('cycles'),
      instructions: sum('instructions'),
    }),
    close,
  };
}

/** The counts between two readings. */
export function since(before: PerfCounts, after: PerfCounts): PerfCounts {
  const growth = (name: EventName): number | undefined => {
    const [from, to] = [before[name], after[name]];
    return from === undefined || to === undefined ? undefined : to - from;
  };
  return {
    taskClockNs: growth('taskClockNs'),
    contextSwitches: growth('contextSwitches'),
    migrations: growth('migrations'),
    cycles: growth('cycles'),
    instructions: growth('instructions'),
  };
}

/** Where more events want counters than the CPU has, they take turns: scaled by the time in which this one counted. */
function readCounter(fd: number): number {
  // PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING
  const words = new BigUint64Array(3);
  readSync(fd, words);
  const [value, enabled, running] = [...words].map(Number);
  if (value === undefined || enabled === undefined || !running) return 0;
  return (value * enabled) / running;
}
