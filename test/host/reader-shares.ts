// SPDX-License-Identifier: Apache-2.0
// A queue that is kept full, a program that takes the CPU from its reader, and how the agent says that the time was spent.
import { cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { AgentLab } from '../agent/agent-lab.ts';
import { busyLoops } from './busy-cpus.ts';
import type { NamespaceLab } from './netns.ts';

const MEASURED_MS = 3000;
const TRIES = 3;
export const READER_CPU = '1';
export const SENDER_CPU = '0';

/** Shares of the time that the queue was full, by the reader's state; total: the share of all time that it was full. */
export type Shares = Readonly<Record<string, number>>;

/**
 * The first of three measurements that is right, or the last: a reader on a CPU that stands still seems to stay as it was.
 * The agent samples readers by itself.
 */
export async function sharesOf(
  agent: AgentLab,
  lab: NamespaceLab,
  isRight: (shares: Shares) => boolean,
): Promise<Shares> {
  await stepAside(lab, agent.pid);
  for (let tries = 1; ; tries++) {
    const shares = await measure(agent, lab);
    if (isRight(shares) || tries === TRIES) return shares;
  }
}

async function measure(agent: AgentLab, lab: NamespaceLab): Promise<Shares> {
  const started = performance.now();
  const before = await fullSeconds(agent, lab);
  await wait(MEASURED_MS);
  const after = await fullSeconds(agent, lab);
  // The time includes the first and the last sample, however long these take.
  const elapsed = (performance.now() - started) / 1000;
  const spent = [...after].map(([state, s]) => [state, s - (before.get(state) ?? 0)] as const);
  const total = spent.reduce((sum, [, seconds]) => sum + seconds, 0);
  const shares = spent.map(([state, seconds]) => [state, Math.round((1000 * seconds) / total) / 1000] as const);
  return { ...Object.fromEntries(shares.filter(([, share]) => share > 0)), total: total / elapsed };
}

async function fullSeconds(agent: AgentLab, lab: NamespaceLab): Promise<ReadonlyMap<string, number>> {
  const { queues } = await agent.device(lab.inode, 'tap0');
  return new Map(queues[0]?.reader?.fullSeconds.map(({ state, seconds }) => [state, seconds]));
}

/**
 * Moves a process that samples or sends off the reader's CPU. Behind a real-time thread there it would have 50 ms of each
 * second, in which the reader empties its ring.
 */
async function stepAside(lab: NamespaceLab, pid: number = process.pid): Promise<void> {
  const moveTo = (list: string) => lab.exec('taskset', '-a', '-p', '-c', list, String(pid));
  lab.after(() => moveTo(`0-${cpus().length - 1}`));
  await moveTo(SENDER_CPU);
}

/** Sends more packets than any of the readers takes, from the other CPU, until the returned function is called. */
export async function startFlood(lab: NamespaceLab): Promise<() => Promise<void>> {
  await stepAside(lab);
  const sender = await lab.testReader();
  await lab.exec('taskset', '-a', '-p', '-c', SENDER_CPU, String(sender.pid));
  await lab.exec('chrt', '-a', '-f', '-p', '10', String(sender.pid));
  let over = false;
  const sent = (async () => {
    while (!over) {
      await sender.packet('tap0', 500, 64).catch(() => {}); // the device may have no carrier
      await wait(1);
    }
  })();
  return async () => {
    over = true;
    await sent;
  };
}

/** A loop on the reader's CPU, started by the program named. */
export async function hog(lab: NamespaceLab, ...by: readonly string[]): Promise<void> {
  await stepAside(lab);
  busyLoops(lab, 1, 'taskset', '-c', READER_CPU, ...by);
  await wait(300);
}
