// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Counts equal the truth to the packet: what was sent, what was read, what `ip -s link` says.
import assert from 'node:assert/strict';
import test from 'node:test';
import { imbalances, ownerSoon, standingLab, totalsOf } from '../../test/agent/agent-lab.ts';
import { dismissStanding } from '../../test/agent/shared-agent.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const NOTHING = { offered: 0, enqueued: 0, dropped: {}, delivered: 0, purged: 0, resized: 0, failed: 0, waiting: 0 };

test('a ring that is full before the agent comes', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  await dismissStanding();
  await testReader.udp(peer, 9, 150, 64);
  const agent = await standingLab();
  await agent.snapshot(); // two at rest settle the opening balance
  assert.deepEqual(totalsOf(await agent.device(lab.inode, 'tap0')), { ...NOTHING, waiting: 100 });
  const before = (await lab.link('tap0')).txDropped;
  await testReader.read('a', 30);
  await testReader.udp(peer, 9, 50, 64);
  const device = await agent.device(lab.inode, 'tap0');
  const dropped = (await lab.link('tap0')).txDropped - before; // some of the 30 slots are not yet zeroed, hence not free
  const truth = {
    offered: 50,
    enqueued: 50 - dropped,
    dropped: { FULL_RING: dropped },
    delivered: 30,
    waiting: 120 - dropped,
  };
  assert.deepEqual(totalsOf(device), { ...NOTHING, ...truth });
  assert.deepEqual(imbalances(device), []);
});

for (const ring of [10, 500, 1000]) {
  test(`a reader that sleeps, reads some, reads all; ring of ${ring}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await standingLab();
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', ring);
    assert.deepEqual(totalsOf(await agent.device(lab.inode, 'tap0')), NOTHING);

    const sent = 3 * ring + 7;
    await testReader.udp(peer, 9, sent, 64);
    const asleep = { ...NOTHING, offered: sent, enqueued: ring, dropped: { FULL_RING: sent - ring }, waiting: ring };
    const sleeping = await agent.device(lab.inode, 'tap0');
    assert.deepEqual(totalsOf(sleeping), asleep);
    assert.equal((await lab.link('tap0')).txDropped, sent - ring);
    assert.deepEqual(sleeping.queues[0]?.ring, { capacity: ring, occupancy: ring, lag: 0, highwater: ring });
    assert.equal(sleeping.queues[0]?.counters?.offeredBytes, sent * (64 + 42));

    assert.equal((await ownerSoon(agent, lab.inode, 'tap0'))?.pid, testReader.pid);

    await testReader.read('a', 4);
    assert.deepEqual(totalsOf(await agent.device(lab.inode, 'tap0')), { ...asleep, delivered: 4, waiting: ring - 4 });
    await testReader.read('a', 'all');
    const drained = await agent.device(lab.inode, 'tap0');
    assert.deepEqual(totalsOf(drained), { ...asleep, delivered: ring, waiting: 0 });
    assert.equal((await lab.link('tap0')).txPackets, ring);
    assert.deepEqual(imbalances(drained), []);
    assert.deepEqual(drained.degraded, []);
  });
}

test('purged by a close, cut by a resize, failed reads: the losses that no kernel counter knows', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist', 'vnet');
  const peer = await lab.raise('tap0', 100);
  await testReader.udp(peer, 9, 100, 64);
  await lab.ip('link set dev tap0 txqueuelen 60');
  await testReader.readBad('a', 5);
  await testReader.read('a', 20);
  await testReader.close('a');
  const device = await agent.device(lab.inode, 'tap0');
  const expected = { ...NOTHING, offered: 100, enqueued: 100, resized: 40, failed: 5, delivered: 20, purged: 35 };
  assert.deepEqual(totalsOf(device), expected);
  assert.deepEqual(imbalances(device), []);
  assert.equal((await lab.link('tap0')).txPackets, 20);
  assert.equal((await lab.link('tap0')).txDropped, 0);
});

test('two namespaces with the same device name, and odd characters in it', { skip: noLab }, async (t) => {
  const labs = [await namespaceLab(t), await namespaceLab(t)];
  const agent = await standingLab();
  for (const [i, lab] of labs.entries()) {
    const testReader = await lab.testReader();
    await testReader.open('a', 't"\\p{0}', 'tap');
    const peer = await lab.raise('t"\\p{0}', 10);
    await testReader.udp(peer, 9, 3 + i, 64);
  }
  for (const [i, lab] of labs.entries()) {
    assert.equal(totalsOf(await agent.device(lab.inode, 't"\\p{0}')).offered, 3 + i);
  }
});
