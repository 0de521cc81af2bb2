// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Counts across a change of level: what lies on the enqueue path is given up and taken back, and no packet is lost from the accounts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type AttachedLab, agentLab, imbalances, restingLab, totalsOf } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import type { Scope } from '../../test/host/scope.ts';
import { until } from '../../test/host/until.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';

/** Of this name there is no other on the host: what others lose, or have several queues for, wakes no agent that shows it alone. */
const TAP = 'levels0';
const isAlone = (name: string): boolean => name === TAP;
/** On a quiet machine a fifth of a second. */
const WOKEN_WITHIN_MS = 20_000;

for (const less of ['lean', 'rest'] as const)
  test(`exact, ${less} and exact again: one queue to the packet`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await (less === 'rest' ? restingLab(t, isAlone) : agentLab(t));
    const testReader = await lab.testReader();
    await testReader.open('a', TAP, 'tap');
    const peer = await lab.raise(TAP, 100);
    let sent = 0;
    let read = 0;
    for (const level of ['exact', less, 'exact', less, 'exact'] as const) {
      agent.probes.setLevel(level);
      // Packets come before the first sample of the new level too.
      for (const count of [70, 60]) {
        sent += (await testReader.udp(peer, 9, count, 64)).sent;
        read += (await testReader.read('a', 25)).packets;
        await check(lab, agent, { sent, read });
      }
      const transmit = agent.probes.mechanism('transmit');
      assert.equal(transmit === 'arithmetic', level === less);
    }
    read += (await testReader.read('a', 'all')).packets;
    await check(lab, agent, { sent, read });
  });

for (const less of ['lean', 'rest'] as const)
  test(`exact and ${less} under load, with packets on their way: nothing is lost from the accounts`, {
    skip: noLab,
  }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await (less === 'rest' ? restingLab(t, isAlone) : agentLab(t));
    const testReader = await lab.testReader();
    await testReader.open('a', TAP, 'tap');
    const peer = await lab.raise(TAP, 100);
    await testReader.readLoop('a', 0);
    const senders = await Promise.all([lab.testReader(), lab.testReader()]);
    let going = true;
    const work = senders.map(async (sender) => {
      let sent = 0;
      while (going) sent += (await sender.udp(peer, 9, 500, 64)).sent;
      return sent;
    });
    for (let change = 0; change < 12; change++) {
      agent.probes.setLevel(change % 2 === 0 ? less : 'exact');
      await wait(50);
      await agent.snapshot();
    }
    going = false;
    const sent = (await Promise.all(work)).reduce((sum, packets) => sum + packets, 0);
    const read = (await testReader.stop('a')).packets + (await testReader.read('a', 'all')).packets;
    // The first sample of rest sets right what moved while the level was changed, the second shows it.
    for (let look = 0; look < 3; look++) await agent.snapshot();
    // Two senders at once are too many for the qdisc's queue. Linux 5.10 may leave its last packets in it until another one comes.
    const passed =
      sent - (await lab.qdisc(TAP)).reduce((sum, { dropped, backlogPackets }) => sum + dropped + backlogPackets, 0);
    await check(lab, agent, { sent: passed, read });
  });

test('a device that is made at level lean', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t, 'transmit=arithmetic');
  const testReader = await lab.testReader();
  await testReader.open('a', TAP, 'tap');
  const peer = await lab.raise(TAP, 10);
  const { sent } = await testReader.udp(peer, 9, 16, 64);
  const { packets: read } = await testReader.read('a', 4);
  await check(lab, agent, { sent, read });
  const { counters, history } = (await agent.device(lab.inode, TAP)).queues[0] ?? {};
  const unseen = [counters?.offeredBytes, history?.arrivals, history?.sojourn, history?.overflow];
  assert.deepEqual(unseen, [undefined, undefined, undefined, undefined], 'what is not measured is not shown');
});

test('several queues at level lean: drops per queue, the rest only where the reader is counted', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t);
  const testReader = await lab.testReader();
  for (const id of ['a', 'b']) await testReader.open(id, TAP, 'tap', 'mq');
  const peer = await lab.raise(TAP, 100);
  await testReader.steer('a', true);
  agent.probes.setLevel('lean');
  for (const queue of [0, 1]) await testReader.udp(peer, 9, 130 + queue, 64, { queue });
  const device = await agent.device(lab.inode, TAP);
  const dropped = device.queues.map(
    ({ counters }) => counters?.dropped.find(({ reason }) => reason === 'FULL_RING')?.packets,
  );
  assert.deepEqual(dropped, [30, 31]);
  const counted = agent.probes.mechanism('consumed') === 'fentry';
  assert.deepEqual(
    device.queues.map(({ counters }) => counters?.offered),
    counted ? [130, 131] : [undefined, undefined],
  );
  assert.equal(
    device.queues.every(({ degraded }) => degraded.length > 0),
    !counted,
  );
});

test('at rest no program is where packets enter or leave a ring, a drop wakes it, and all is counted', {
  skip: noLab,
}, async (t) => {
  const { lab, agent, testReader, peer } = await restingTap(t);
  let sent = (await testReader.udp(peer, 9, 20, 64)).sent;
  let read = (await testReader.read('a', 'all')).packets;
  await check(lab, agent, { sent, read });
  assert.equal(agent.probes.level(), 'rest');
  const onTheWay = /^(offered|sent|consumed|read|peeked)_/;
  assert.deepEqual(
    agent.probes.attached().filter((program) => onTheWay.test(program) && program !== 'sent_by_vhost_fexit'),
    [],
  );
  const [queue] = (await agent.device(lab.inode, TAP)).queues;
  const { counters, history, ring, perCpu } = queue ?? {};
  assert.deepEqual(
    [counters?.offeredBytes, counters?.consumed, history?.arrivals, history?.sojourn, history?.overflow],
    Array(5).fill(undefined),
  );
  assert.deepEqual([ring?.highwater, perCpu], [undefined, []]);
  sent += (await testReader.udp(peer, 9, 130, 64)).sent;
  await check(lab, agent, { sent, read });
  // No agent changes its level by itself where that may kill the machine.
  if (mayDieOfPatching()) agent.probes.setLevel('exact');
  assert.equal(agent.probes.level(), 'exact', 'the sample that saw a drop woke it');
  sent += (await testReader.udp(peer, 9, 7, 64)).sent;
  read += (await testReader.read('a', 'all')).packets;
  await check(lab, agent, { sent, read });
});

test('at rest the first drop wakes the agent, without a sample', {
  skip: noLab || (mayDieOfPatching() && 'no agent changes its level by itself where that may kill the machine'),
}, async (t) => {
  const { lab, agent, testReader, peer } = await restingTap(t);
  let { sent } = await testReader.udp(peer, 9, 110, 64);
  await until(() => agent.probes.level() === 'exact', WOKEN_WITHIN_MS);
  assert.equal(agent.probes.level(), 'exact');
  sent += (await testReader.udp(peer, 9, 7, 64)).sent;
  const read = (await testReader.read('a', 'all')).packets;
  await agent.snapshot();
  await check(lab, agent, { sent, read });
});

/** One tap with a ring of 100, and an agent that has come to rest beside it. */
async function restingTap(t: Scope) {
  const lab = await namespaceLab(t);
  const agent = await restingLab(t, isAlone);
  const testReader = await lab.testReader();
  await testReader.open('a', TAP, 'tap');
  const peer = await lab.raise(TAP, 100);
  await restOf(agent);
  return { lab, agent, testReader, peer };
}

async function restOf(agent: AttachedLab): Promise<void> {
  if (mayDieOfPatching()) agent.probes.setLevel('rest');
  await agent.snapshot();
  assert.equal(agent.probes.level(), 'rest');
}

async function check(
  lab: NamespaceLab,
  agent: AttachedLab,
  truth: { readonly sent: number; readonly read: number },
): Promise<void> {
  const device = await agent.device(lab.inode, TAP);
  const { txDropped, txPackets } = await lab.link(TAP);
  const totals = totalsOf(device);
  assert.equal(totals.offered, truth.sent);
  assert.equal(totals.dropped.FULL_RING ?? 0, txDropped);
  assert.equal(totals.delivered, truth.read);
  assert.equal(txPackets, truth.read);
  assert.deepEqual(imbalances(device), []);
  assert.deepEqual(device.degraded, []);
}
