// SPDX-License-Identifier: Apache-2.0
// How busy all CPUs of the host are together: the first line of /proc/stat.
import { readFileSync } from 'node:fs';

export interface HostCpuTime {
  /** Ticks. */
  readonly busy: number;
  readonly all: number;
}

/** user, nice, system, idle, iowait, irq, softirq, steal: guests' time is a part of user's. */
const FIELDS = 8;
const IDLE = [3, 4];

export function readHostCpuTime(): HostCpuTime {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const ticks = line
    .trim()
    .split(/\s+/)
    .slice(1, FIELDS + 1)
    .map(Number);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const all = sum(ticks);
  return { busy: all - sum(IDLE.map((index) => ticks[index] ?? 0)), all };
}

/** The busy share of all CPUs, 0 to 1. */
export function busyShare(before: HostCpuTime, after: HostCpuTime): number {
  return (after.busy - before.busy) / (after.all - before.all);
}
