// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// While a device loses packets, its owner's threads are looked at: what they ran and read, and whether they may run everywhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { scene } from '../../test/agent/on-call.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { ThreadUses } from '../snapshot/owner.ts';

test('threads of a program whose device loses packets', { skip: noLab }, async (t) => {
  const one = await scene(t, 10);
  const { lab, reader, agent } = one;
  const uses = async (): Promise<ThreadUses | undefined> =>
    (await agent.device(lab.inode, 'tap0')).queues[0]?.owner?.uses;
  const sender = await lab.testReader();

  await until(async () => (await agent.device(lab.inode, 'tap0')).queues[0]?.owner !== undefined, 5000);
  await sender.packet('tap0', 10, 64); // the ring holds them
  assert.equal(await uses(), undefined, 'nothing is lost, nothing is looked at');
  await sender.packet('tap0', 20, 64);
  await until(async () => (await uses()) !== undefined, 5000);

  const before = await uses();
  assert.equal(before?.threads.find(({ tid }) => tid === reader.pid)?.isBound, false);
  const { packets } = await reader.read('a', 'all');
  await lab.exec('taskset', '-a', '-p', '-c', '0', String(reader.pid));
  let now: ThreadUses | undefined;
  // A look may have begun before it was bound.
  await until(async () => {
    now = await uses();
    return now?.threads.every(({ isBound }) => isBound) === true;
  }, 5000);
  const reads = (all: ThreadUses | undefined): number =>
    (all?.threads ?? []).reduce((sum, thread) => sum + (thread.reads ?? 0), 0);
  assert.ok(reads(now) - reads(before) >= packets, `${reads(before)}, ${packets} packets, ${reads(now)}`);
});

/** Two samples and more. */
const WITHOUT_MS = 3500;

test('an agent that looks at them while no descriptor is left says so, and counts on', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const agent = await startAgent(t, ['--budget=off']);
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  const offered = async () => (await agent.metrics()).value('tapscope_queue_offered_packets_total', queue);
  const limit = (soft: number): unknown => execFileSync('prlimit', [`--pid=${agent.pid}`, `--nofile=${soft}:`]);
  let sent = 0;
  const lose = async (): Promise<void> => {
    sent += (await testReader.udp(peer, 9, 30, 64)).sent;
    await wait(WITHOUT_MS);
  };
  await lose();
  limit(1);
  await lose();
  await lose();
  limit(20_000);
  await until(async () => (await offered()) === sent);
  assert.equal(await offered(), sent);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /could not be looked at \([^)]*too many open files/i);
});
