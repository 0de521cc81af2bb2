// SPDX-License-Identifier: Apache-2.0
// Whether more wants to run than the host has CPUs for.
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** From so many that want to run for each CPU on. */
const SHORT = 2;

/** 'load 41'; undefined: there is CPU to be had. */
export function shortOfCpu(): string | undefined {
  const load = Math.max(loadavg()[0] ?? 0, running());
  return load >= SHORT * availableParallelism() ? `load ${Math.round(load)}` : undefined;
}

/** What wants to run at this moment; 0 where /proc is closed to this process, whose kernel still tells the average (sysinfo(2)). */
function running(): number {
  try {
    // '9.41 3.2 1.1 41/312 7927': averages of one, five and fifteen minutes, then this.
    return Number.parseInt(readFileSync('/proc/loadavg', 'utf8').split(' ')[3] ?? '', 10);
  } catch {
    return 0;
  }
}
