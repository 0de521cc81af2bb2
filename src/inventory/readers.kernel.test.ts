// SPDX-License-Identifier: Apache-2.0
// Readers that do not keep up, each for another reason: the right one has the largest share of the full time.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type AgentLab, agentLab } from '../../lab/agent.ts';
import { limitedCgroup, noCgroup } from '../../lab/cgroup.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../lab/netns.ts';
import type { Puppet } from '../../lab/puppet.ts';

const RING = 100;
const MEASURED_MS = 4000;
const READER_CPU = '1';

interface Scene {
  readonly t: TestContext;
  readonly lab: NamespaceLab;
  readonly reader: Puppet;
}

interface Scenario {
  readonly name: string;
  readonly state: string;
  readonly skip?: string | false;
  /** Packets per second that the reader takes at most, and microseconds that each makes it compute. */
  readonly reads: readonly [rate: number, work?: number];
  readonly disturb: (scene: Scene) => Promise<unknown>;
}

const scenarios: readonly Scenario[] = [
  { name: 'SIGSTOP', state: 'stopped', reads: [0], disturb: async ({ reader }) => reader.signal('SIGSTOP') },
  {
    name: 'a real-time hog on its CPU',
    state: 'waiting',
    reads: [0],
    disturb: (scene) => hog(scene, 'chrt', '-f', '50'),
  },
  { name: 'a hog of higher priority', state: 'waiting', reads: [0], disturb: outranked },
  { name: 'it pauses between reads', state: 'sleeping', reads: [2000], disturb: prefer },
  { name: 'it computes', state: 'running', reads: [0, 3000], disturb: prefer },
  { name: 'its CPU time is used up', state: 'throttled', reads: [0, 100], skip: noCgroup('cpu'), disturb: throttle },
  { name: 'it is frozen', state: 'stopped', reads: [0], skip: noCgroup('freezer'), disturb: freeze },
  { name: 'its thread has ended', state: 'gone', reads: [0], disturb: ({ reader }) => reader.stop('a') },
  { name: 'it was killed', state: 'gone', reads: [0], disturb: ({ reader }) => reader.quit() },
];

for (const { name, state, skip, reads, disturb } of scenarios) {
  test(`${state}: ${name}`, { skip: noLab || skip }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await agentLab(t);
    const reader = await lab.puppet();
    await reader.open('a', 'tap0', 'tap', 'persist');
    lab.after(() => lab.ip('link del dev tap0'));
    await lab.raise('tap0', RING);
    await reader.readLoop('a', ...reads);
    await lab.exec('taskset', '-a', '-p', '-c', READER_CPU, String(reader.pid));
    await wait(100); // it sleeps in poll()
    await agent.snapshot();
    await disturb({ t, lab, reader });
    const flood = await startFlood(lab);
    await wait(200);
    const shares = await sharesOf(agent, lab);
    await flood();
    t.diagnostic(JSON.stringify(shares));
    assert.ok((shares[state] ?? 0) >= 0.8, JSON.stringify(shares));
    assert.ok((shares.total ?? 0) > 0.1 && (shares.total ?? 0) < 1.05, 'the queue was full for much of the time');
  });
}

/** Of the full time by state; total: of the time that passed. */
async function sharesOf(agent: AgentLab, lab: NamespaceLab): Promise<Record<string, number>> {
  const before = await fullSeconds(agent, lab);
  const started = performance.now();
  let snapshotMs = started;
  while (performance.now() - started < MEASURED_MS) {
    await wait(25 + 50 * Math.random());
    agent.lookAtReaders();
    if (performance.now() - snapshotMs < 1000) continue;
    snapshotMs = performance.now();
    await agent.snapshot();
  }
  const elapsed = (performance.now() - started) / 1000;
  const spent = [...(await fullSeconds(agent, lab))].map(
    ([state, s]) => [state, s - (before.get(state) ?? 0)] as const,
  );
  const total = spent.reduce((sum, [, seconds]) => sum + seconds, 0);
  const shares = spent.map(([state, seconds]) => [state, Math.round((1000 * seconds) / total) / 1000] as const);
  return { ...Object.fromEntries(shares.filter(([, share]) => share > 0)), total: total / elapsed };
}

async function fullSeconds(agent: AgentLab, lab: NamespaceLab): Promise<ReadonlyMap<string, number>> {
  const { queues } = await agent.device(lab.inode, 'tap0');
  return new Map(queues[0]?.reader?.fullSeconds.map(({ state, seconds }) => [state, seconds]));
}

/** More packets than any of the readers takes, from the other CPU, until the answer is called. */
async function startFlood(lab: NamespaceLab): Promise<() => Promise<void>> {
  const sender = await lab.puppet();
  await lab.exec('taskset', '-a', '-p', '-c', '0', String(sender.pid));
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
async function hog({ t }: Scene, ...by: readonly string[]): Promise<void> {
  const [file = '', ...args] = ['taskset', '-c', READER_CPU, ...by, 'sh', '-c', 'while :; do :; done'];
  const child: ChildProcess = spawn(file, args, { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await wait(300);
}

async function outranked(scene: Scene): Promise<void> {
  await scene.lab.exec('sh', '-c', `renice -n 19 -p $(ls /proc/${scene.reader.pid}/task)`);
  await hog(scene, 'nice', '-n', '-20');
}

/** Whatever else this machine does, it has the CPU when it wants it. */
async function prefer({ lab, reader }: Scene): Promise<void> {
  await lab.exec('chrt', '-a', '-f', '-p', '10', String(reader.pid));
}

async function throttle({ lab, reader }: Scene): Promise<void> {
  limitedCgroup(lab, reader.pid, 'cpu');
}

async function freeze({ lab, reader }: Scene): Promise<void> {
  limitedCgroup(lab, reader.pid, 'freezer');
}
