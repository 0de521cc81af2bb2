// SPDX-License-Identifier: Apache-2.0
// Queues that join a device and leave it, however many of them between two looks.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab } from '../agent.ts';
import { namespaceLab } from '../netns.ts';

test('each queue that joins or leaves', async (t) => {
  const agent = await agentLab(t);
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  const open = (id: string) => puppet.open(id, 'tap0', 'tap', 'mq', 'persist');
  const changes = async () => (await agent.device(lab.inode, 'tap0')).queueChanges;
  for (const id of ['a', 'b', 'c']) await open(id);
  assert.deepEqual(await changes(), { joined: 0, left: 0 });

  await puppet.detach('b');
  assert.deepEqual(await changes(), { joined: 0, left: 1 });
  await puppet.attach('b');
  assert.deepEqual(await changes(), { joined: 1, left: 1 });
  for (let round = 0; round < 5; round++) {
    await puppet.detach('b');
    await puppet.attach('b');
  }
  assert.deepEqual(await changes(), { joined: 6, left: 6 });

  await puppet.detach('c');
  await puppet.close('c'); // it has left already
  await open('d');
  assert.deepEqual(await changes(), { joined: 7, left: 7 });
  for (const id of ['a', 'b', 'd']) await puppet.close(id);
  assert.deepEqual(await changes(), { joined: 7, left: 10 }, 'nobody is left');
  await open('e');
  assert.deepEqual(await changes(), { joined: 8, left: 10 });
  await lab.ip('link del dev tap0');
});

test('a device that had queues before the agent came', async (t) => {
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  for (const id of ['a', 'b']) await puppet.open(id, 'tap0', 'tap', 'mq');
  await puppet.detach('b');
  const agent = await agentLab(t);
  await puppet.attach('b');
  await puppet.detach('a');
  assert.deepEqual((await agent.device(lab.inode, 'tap0')).queueChanges, { joined: 1, left: 1 });
});
