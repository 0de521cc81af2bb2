// SPDX-License-Identifier: Apache-2.0
// How long the event loop of this process is held up: by the clock, and by itself, without the time in which other programs had the CPU.
import { closeSync, openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a line with a report begins with. */
export const LOOP_REPORT = 'event loop: ';

export interface LoopReport {
  /** The time between two turns of a timer of 1 ms, by the clock (perf_hooks). */
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The same, less the time in which this thread waited for a CPU that another thread had. */
  readonly ownP99Ms: number;
  readonly ownMaxMs: number;
  readonly cpuMs: number;
}

/** Watches until the function that it returns is called. */
export function watchEventLoop(): () => LoopReport {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const schedule = openSync('/proc/self/schedstat', 'r');
  const cpu = process.cpuUsage();
  const turns: number[] = [];
  let last = ownTime(schedule);
  const turn = () => {
    const now = ownTime(schedule);
    turns.push(now - last);
    last = now;
  };
  const timer = setInterval(turn, 1);
  return () => {
    turn();
    clearInterval(timer);
    delays.disable();
    closeSync(schedule);
    const { user, system } = process.cpuUsage(cpu);
    const sorted = turns.sort((a, b) => a - b);
    return {
      p99Ms: delays.percentile(99) / 1e6,
      maxMs: delays.max / 1e6,
      ownP99Ms: sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0,
      ownMaxMs: sorted.at(-1) ?? 0,
      cpuMs: (user + system) / 1000,
    };
  };
}

const line = Buffer.alloc(100);

/** Milliseconds by the clock, less those in which this thread could have run and did not (second number of the kernel's schedstat). */
function ownTime(schedule: number): number {
  const length = readSync(schedule, line, 0, line.length, 0);
  return performance.now() - Number(line.toString('latin1', 0, length).split(' ')[1]) / 1e6;
}
