// SPDX-License-Identifier: Apache-2.0
// What the kernel counts of each CPU's interrupts, for the whole host: other programs' too.
import { readFileSync } from 'node:fs';

/** Lists: by the number of the CPU; one that is offline has 0. */
export interface Interrupts {
  /** Of all kinds and CPUs: the first figure of `intr` in /proc/stat. */
  readonly total: number;
  /** IPIs of smp_call_function: rows CAL of x86, and IPI1 of arm64. */
  readonly functionCalls: readonly number[];
  /** IPIs that have a CPU look for another thread to run. */
  readonly reschedules: readonly number[];
  /** The soft interrupt in which a qdisc sends, when a queue was woken. */
  readonly netTx: readonly number[];
}

export function readInterrupts(proc = '/proc'): Interrupts {
  const interrupts = readFileSync(`${proc}/interrupts`, 'utf8');
  const softirqs = readFileSync(`${proc}/softirqs`, 'utf8');
  return {
    total: Number(/^intr (\d+)/m.exec(readFileSync(`${proc}/stat`, 'utf8'))?.[1]),
    functionCalls: figuresOf(interrupts, /^.*Function call interrupts$/m),
    reschedules: figuresOf(interrupts, /^.*Rescheduling interrupts$/m),
    netTx: figuresOf(softirqs, /^ *NET_TX:.*$/m),
  };
}

export function interruptsSince(before: Interrupts, after: Interrupts): Interrupts {
  const growth = (from: readonly number[], to: readonly number[]): readonly number[] =>
    to.map((count, index) => count - (from[index] ?? Number.NaN));
  return {
    total: after.total - before.total,
    functionCalls: growth(before.functionCalls, after.functionCalls),
    reschedules: growth(before.reschedules, after.reschedules),
    netTx: growth(before.netTx, after.netTx),
  };
}

/** The first line has the CPUs: "           CPU0       CPU2". A kernel for one CPU has no rows of IPIs. */
function figuresOf(text: string, row: RegExp): readonly number[] {
  const [header = ''] = text.split('\n', 1);
  const cpus = [...header.matchAll(/CPU(\d+)/g)].map(([, cpu]) => Number(cpu));
  const [, figures = ''] = /:((?:\s+\d+)+)/.exec(row.exec(text)?.[0] ?? '') ?? [];
  const counts = figures.trim().split(/\s+/).map(Number);
  return Array.from({ length: Math.max(...cpus) + 1 }, (_, cpu) => counts[cpus.indexOf(cpu)] ?? 0);
}
