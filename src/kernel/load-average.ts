// SPDX-License-Identifier: Apache-2.0
// Whether more wants to run than the host has CPUs for (/proc/loadavg).
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** From so many that want to run for each CPU on. */
const SHORT = 2;

/** 'load 41'; undefined: there is CPU to be had. */
export function shortOfCpu(): string | undefined {
  // '9.41 3.2 1.1 41/312 7927': the average of a minute, and what wants to run at this moment.
  const [average = '', , , running = ''] = readFileSync('/proc/loadavg', 'utf8').split(' ');
  const load = Math.max(Number(average), Number.parseInt(running, 10));
  return load >= SHORT * availableParallelism() ? `load ${Math.round(load)}` : undefined;
}
