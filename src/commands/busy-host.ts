// SPDX-License-Identifier: Apache-2.0
// Whether late answers have a reason that is not the agent: more wants to run than the host has CPUs.
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

/** Samples come each second, and of a busy agent less often. */
const LATE_SECONDS = 3;

/** 'judged 9 s ago: the agent gets no CPU (load 41)': what was seen last, and so is late, not unmeasured; undefined: it is so now. */
export function lateWords(takenAt: number, everySeconds = 1, now = Date.now() / 1000): string | undefined {
  const age = now - takenAt;
  if (age <= LATE_SECONDS * Math.max(1, everySeconds)) return undefined;
  const load = shortOfCpu();
  return `judged ${Math.round(age)} s ago: the agent ${load === undefined ? 'is late' : `gets no CPU (${load})`}`;
}
