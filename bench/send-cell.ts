// SPDX-License-Identifier: Apache-2.0
// One run of a send cell: pktgen sends to a tap for a while, and the counts of sender, reader, kernel and agent are compared.

import { allowedCpus } from '../src/kernel/process-text.ts';
import { readQdiscs } from '../src/kernel/rtnetlink.ts';
import type { Device } from '../src/snapshot/device.ts';
import type { Flow } from '../src/snapshot/queue.ts';
import { agentCounts, type Comparison, compare, doubts } from './agreement.ts';
import type { Run, SendCell, WakeRun } from './bench-report.ts';
import { type BenchSetup, DEVICE, Missing, missingIf, pause, until } from './bench-setup.ts';
import { interruptsSince, readInterrupts } from './interrupts.ts';
import { perfOf, readersOf, startProfile } from './perf-of.ts';
import {
  addGenerators,
  areGone,
  burstOf,
  generatorFiles,
  hasPktgen,
  hasThread,
  isRunning,
  type PktgenCounts,
  type PktgenOptions,
  pktgenCounts,
  pktgenSeconds,
} from './pktgen.ts';
import { setUpTap, stopReading, takeDownTap } from './tap.ts';

export const PACKET_SIZE = 60;
const NOTICED_WITHIN_S = 30;

/** Throws Missing where this host cannot; after any other error the setup is not to be used again. */
export async function runSendCell(setup: BenchSetup, cell: SendCell, seconds: number): Promise<Run> {
  const options = generatorOptions(cell);
  if (!hasPktgen())
    throw new Missing('the generator pktgen is not loaded: modprobe pktgen (a kernel with CONFIG_NET_PKTGEN)');
  if (!hasThread(setup.traffic.generators, cell.threads - 1))
    throw new Missing(`${cell.threads} threads of pktgen need ${cell.threads} CPUs`);
  const outcome = await send(setup, cell, options, seconds).catch((error: unknown) => {
    if (error instanceof Missing) return error;
    throw error;
  });
  await takeDownTap(setup, cell);
  const files = generatorFiles(setup.traffic.generators, options);
  await until('pktgen let go of the device', NOTICED_WITHIN_S, setup, () => areGone(files));
  if (outcome instanceof Missing) throw outcome;
  return outcome;
}

function generatorOptions({ flow, threads, queues, shape }: SendCell): PktgenOptions {
  const through = flow === 'through-qdisc';
  return {
    device: DEVICE,
    threads,
    queues,
    ownQueue: threads > 1,
    size: PACKET_SIZE,
    mode: through ? 'queue_xmit' : 'start_xmit',
    // Shared packets are pktgen's default, as in the series; those that a qdisc drops could not be traced.
    shared: !through,
    shape,
  };
}

async function send(setup: BenchSetup, cell: SendCell, options: PktgenOptions, seconds: number): Promise<Run> {
  const { traffic, interrupted } = setup;
  const device = await setUpTap(setup, cell);
  const files = await Promise.resolve()
    .then(() => addGenerators(traffic.generators, options))
    .catch(missingIf('SHARED'));
  await traffic.generate();
  await until('pktgen sent', NOTICED_WITHIN_S, setup, () => files.every(isRunning));
  const started = performance.now();
  const readers = await readersOf(setup, cell, device);
  const readerCpus = await cpusOf(readers);
  const before = await setup.look();
  const endProfile = setup.profiles ? startProfile(setup, cell, readers) : undefined;
  let wake: WakeRun | undefined;
  const perf = await perfOf(setup, cell, readers, async () => {
    const interrupts = readInterrupts();
    await pause(seconds, interrupted);
    // As before: the agent looks at the device first, so that both spans are of one length.
    const after = await setup.look();
    wake = { ...wakesSince(before, after), interrupts: interruptsSince(interrupts, readInterrupts()) };
  });
  await traffic.rest();
  const profile = endProfile?.();
  const sent = pktgenCounts(files);
  await until('all packets had arrived', NOTICED_WITHIN_S, setup, () => isAtRest(setup));
  // What waited in the qdisc arrived after pktgen's time.
  const took = cell.flow === 'through-qdisc' ? (performance.now() - started) / 1000 : pktgenSeconds(files);
  const burst = Math.max(...files.map(burstOf));
  return { ...(await judge(setup, cell, sent, took)), burst, perf, profile, wake, readerCpus };
}

function wakesSince(before: Device, after: Device): Omit<WakeRun, 'interrupts'> {
  const grown = (count: (flow: Flow) => number): number => {
    const of = ({ queues }: Device): number => queues.reduce((sum, { flow }) => sum + (flow ? count(flow) : 0), 0);
    return of(after) - of(before);
  };
  return {
    stops: grown(({ stops }) => stops),
    wakes: grown(({ wakes }) => wakes.reduce((sum, one) => sum + one.wakes, 0)),
    elsewhere: grown(({ wakesElsewhere }) => wakesElsewhere),
  };
}

/** What the kernel says of these threads, whoever pinned them. */
async function cpusOf(tids: readonly number[]): Promise<readonly string[]> {
  const lists = await Promise.all(tids.map(allowedCpus));
  return [...new Set(lists.flatMap((list) => list ?? []))];
}

async function isAtRest({ traffic, look }: BenchSetup): Promise<boolean> {
  const { waiting } = agentCounts(await look());
  const qdiscs = await readQdiscs(traffic.namespace);
  return waiting === 0 && qdiscs.every(({ stats }) => stats.qlen === 0);
}

async function judge(setup: BenchSetup, cell: SendCell, sent: PktgenCounts, seconds: number): Promise<Run> {
  const device = await setup.look(); // while vhost-net's workers are there
  const received = await stopReading(setup, cell);
  const ours = agentCounts(device);
  const reader = cell.reader === 'tap' ? 'the reader' : 'the guest';
  const arrived: Comparison = ['delivered packets', ours.delivered, reader, received];
  const others = cell.flow === 'through-qdisc' ? await behindQdisc(setup, sent, ours) : besidePktgen(sent, ours);
  const workers = device.queues.map(({ vhost }) => vhost?.worker?.seconds);
  return {
    seconds,
    transmitted: ours.enqueued,
    lost: ours.dropped,
    droppedBefore: ours.droppedBefore,
    uncopied: 0,
    workerSeconds: workers.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0),
    disagreements: [...compare([...others, arrived]), ...doubts(device)],
  };
}

type Counts = ReturnType<typeof agentCounts>;

function besidePktgen({ sofar, errors }: PktgenCounts, ours: Counts): readonly Comparison[] {
  return [
    ['transmitted packets', ours.enqueued, 'pktgen', sofar],
    ['lost packets', ours.dropped, 'pktgen', errors],
    ['offered packets', ours.offered, 'pktgen', sofar + errors],
  ];
}

/** What pktgen calls an error there is advice: the packet may have been taken and another dropped. `tc -s` knows. */
async function behindQdisc({ traffic }: BenchSetup, sent: PktgenCounts, ours: Counts): Promise<readonly Comparison[]> {
  const qdiscs = (await readQdiscs(traffic.namespace)).filter(({ kind }) => kind === 'fq_codel');
  const passed = qdiscs.reduce((sum, { stats }) => sum + stats.packets, 0);
  const dropped = qdiscs.reduce((sum, { stats }) => sum + stats.drops, 0);
  return [
    ['packets that passed the qdisc', ours.offered, 'tc -s', passed],
    ['packets that the qdisc dropped', ours.droppedBefore - ours.burst, 'tc -s', dropped],
    ['packets in all', ours.offered + ours.droppedBefore, 'pktgen', sent.sofar + sent.errors],
    ['transmitted and lost packets', ours.enqueued + ours.dropped, 'tc -s', passed],
  ];
}
