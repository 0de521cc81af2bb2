// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Queues that join a device and leave it, however many of them between two samples, by each mechanism that this kernel has.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { QueueChanges } from '../snapshot/device.ts';

const skip = noLab || (!isSince(5, 15) && 'this kernel counts no changes of queues');

interface Watched {
  readonly mechanism: string | undefined;
  readonly testReader: TestReader;
  open(id: string): Promise<void>;
  changes(): Promise<QueueChanges | undefined>;
}

/** Watches a device that appears after the agent's start. */
async function watch(t: TestContext, ...mechanisms: readonly string[]): Promise<Watched> {
  const agent = await agentLab(t, ...mechanisms);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  lab.after(() => lab.ip('link del dev tap0'));
  return {
    mechanism: agent.mechanism('queue-changes'),
    testReader,
    open: (id) => testReader.open(id, 'tap0', 'tap', 'mq', 'persist'),
    changes: async () => (await agent.device(lab.inode, 'tap0')).queueChanges,
  };
}

async function countEach({ testReader, open, changes }: Watched): Promise<void> {
  for (const id of ['a', 'b', 'c']) await open(id);
  assert.deepEqual(await changes(), { joined: 0, left: 0 });

  await testReader.detach('b');
  assert.deepEqual(await changes(), { joined: 0, left: 1 });
  await testReader.attach('b');
  assert.deepEqual(await changes(), { joined: 1, left: 1 });
  for (let round = 0; round < 5; round++) {
    await testReader.detach('b');
    await testReader.attach('b');
  }
  assert.deepEqual(await changes(), { joined: 6, left: 6 });

  // The last queue, whose next file mostly has the address of the one before.
  await testReader.close('b');
  await open('b');
  assert.deepEqual(await changes(), { joined: 7, left: 7 });
  await testReader.detach('c');
  await testReader.close('c'); // it has left already
  await open('d');
  assert.deepEqual(await changes(), { joined: 8, left: 8 });
  for (const id of ['a', 'b', 'd']) await testReader.close(id);
  assert.deepEqual(await changes(), { joined: 8, left: 11 }, 'none is left');
  await open('e');
  assert.deepEqual(await changes(), { joined: 9, left: 11 });
  await testReader.close('e');
  await open('e');
  assert.deepEqual(await changes(), { joined: 10, left: 12 }, 'the only queue was closed and opened');
}

test('each queue that joins or leaves', { skip }, async (t) => countEach(await watch(t)));

test('by the walk alone', { skip }, async (t) => {
  const watched = await watch(t, 'queue-changes=walk');
  assert.equal(watched.mechanism, 'walk');
  await countEach(watched);
  // What it cannot see: no queue takes another one's index.
  await watched.testReader.detach('e');
  await watched.testReader.attach('e');
  assert.deepEqual(await watched.changes(), { joined: 10, left: 12 });
});

test('a device that had queues before the agent came', { skip }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (const id of ['a', 'b']) await testReader.open(id, 'tap0', 'tap', 'mq');
  await testReader.detach('b');
  const agent = await agentLab(t);
  await testReader.attach('b');
  await testReader.detach('a');
  assert.deepEqual((await agent.device(lab.inode, 'tap0')).queueChanges, { joined: 1, left: 1 });
});
