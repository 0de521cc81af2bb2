// SPDX-License-Identifier: Apache-2.0
// What `perf stat` would show of the threads of a send cell: pktgen's, and those that read or hand packets to guests.

import { readThreadTimes } from '../src/kernel/thread-times.ts';
import type { Device } from '../src/snapshot/device.ts';
import type { PerfRun, ProfileRun, SendCell } from './bench-report.ts';
import type { BenchSetup } from './bench-setup.ts';
import { countThreads, type PerfCounters, since } from './perf-events.ts';
import { sampleThreads } from './profile.ts';

/** Counts while `measured` lasts. */
export async function perfOf(
  setup: BenchSetup,
  cell: SendCell,
  readers: readonly number[],
  measured: () => Promise<void>,
): Promise<PerfRun> {
  const opened: PerfCounters[] = [];
  const count = (tids: readonly number[]): PerfCounters => {
    const counters = countThreads(tids);
    opened.push(counters);
    return counters;
  };
  try {
    const [sender, reader] = [count(sendersOf(setup, cell)), count(readers)];
    // On a busy machine it takes long to open them: what the threads did meanwhile is not of the time that is measured.
    const started = performance.now();
    const [sent, received] = [sender.read(), reader.read()];
    await measured();
    const counts = { sender: since(sent, sender.read()), reader: since(received, reader.read()) };
    return { seconds: (performance.now() - started) / 1000, ...counts };
  } finally {
    for (const counters of opened) counters.close();
  }
}

/** Samples until the result is called. */
export function startProfile(setup: BenchSetup, cell: SendCell, readers: readonly number[]): () => ProfileRun {
  const [sender, reader] = [sampleThreads(sendersOf(setup, cell)), sampleThreads(readers)];
  return () => ({ sender: sender.end(), reader: reader.end() });
}

function sendersOf({ generators }: BenchSetup, { threads }: SendCell): readonly number[] {
  const names = Array.from({ length: threads }, (_, cpu) => `kpktgend_${cpu}`);
  return [...generators].filter(([, name]) => names.includes(name)).map(([tid]) => tid);
}

/** Threads that read: other threads of the reading program do not run meanwhile. */
export async function readersOf(
  { traffic }: BenchSetup,
  { reader }: SendCell,
  device: Device,
): Promise<readonly number[]> {
  if (reader === 'tap') return ((await readThreadTimes(traffic.pid)) ?? []).map(({ tid }) => tid);
  return device.queues.flatMap(({ vhost }) => (vhost?.worker ? [vhost.worker.tid] : []));
}
