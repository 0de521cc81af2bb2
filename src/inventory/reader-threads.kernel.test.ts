// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// While a device loses packets, its owner's threads are looked at: what they ran and read, and whether they may run everywhere.
import assert from 'node:assert/strict';
import test from 'node:test';
import { scene } from '../../test/agent/on-call.ts';
import { noLab } from '../../test/host/netns.ts';
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
