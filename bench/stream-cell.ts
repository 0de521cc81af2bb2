// SPDX-License-Identifier: Apache-2.0
// One run of a stream cell: TCP streams from or to a guest in QEMU, and what the agent, the guests, iperf3 and tc counted of it.
import { readFileSync } from 'node:fs';
import { errnoOf } from '../src/kernel/error-name.ts';
import type { Run, StreamCell } from './bench-report.ts';
import { type BenchSetup, Missing } from './bench-setup.ts';
import type { Guests } from './guests.ts';
import { runSessions } from './iperf.ts';
import { judgeStreams } from './stream-judgement.ts';
import { atRest, type Rest } from './stream-rest.ts';

/** Throws Missing where this host cannot. Guests stay for the next cell, unless one failed. */
export async function runStreamCell(
  setup: BenchSetup,
  guests: Guests,
  cell: StreamCell,
  seconds: number,
): Promise<Run> {
  try {
    return await measure(setup, guests, cell, seconds);
  } catch (error) {
    await guests.end();
    if (!setup.interrupted.aborted && errnoOf(error) === 'GUEST' && error instanceof Error)
      throw new Missing(error.message, { cause: error });
    throw error;
  }
}

async function measure(setup: BenchSetup, guests: Guests, cell: StreamCell, seconds: number): Promise<Run> {
  const { ends, clients } = await guests.provide(setup, cell);
  const rests = async (): Promise<readonly Rest[]> => {
    const found: Rest[] = [];
    for (const end of ends) found.push(await atRest(setup, end));
    return found;
  };
  const before = await rests();
  const [cpu, started] = [readHostCpuTime(), performance.now()];
  const received = await runSessions({ ...setup, traffic: clients }, cell, ends, seconds);
  const took = (performance.now() - started) / 1000;
  const hostCpu = busyShare(cpu, readHostCpuTime());
  const after = await rests();
  return judgeStreams(cell, { before, after, received, seconds: took, hostCpu });
}

/** How busy all CPUs of the host are together: the first line of /proc/stat. */
interface HostCpuTime {
  /** Ticks. */
  readonly busy: number;
  readonly all: number;
}

/** user, nice, system, idle, iowait, irq, softirq, steal: guests' time is a part of user's. */
const FIELDS = 8;
const IDLE = [3, 4];

function readHostCpuTime(): HostCpuTime {
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
function busyShare(before: HostCpuTime, after: HostCpuTime): number {
  return (after.busy - before.busy) / (after.all - before.all);
}
