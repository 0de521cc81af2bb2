// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Several queues at level rest: each queue's figures are exact by the one program that they need, or said to be not measured.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AttachedLab, agentLabOf, restingLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';
import { droppedPackets } from '../snapshot/queue.ts';

/** Of this name there is no other on the host: what others have several queues for needs no program here. */
const TAP = 'split0';
const RING = 100;
/** The programs that a packet into the ring or out of it runs. */
const ON_THE_WAY = /^(offered_|sent_(raw|fexit)|consumed_|read_|peeked_)/;
const isAlone = (name: string): boolean => name === TAP;

for (const choice of ['auto', 'rest'] as const)
  test(`several queues at --level=${choice}: each to the packet at rest, by the program that this needs and no other`, {
    skip: noLab,
  }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await agentLabOf(t, isAlone, [], choice);
    const tap = await twoQueues(lab);
    await rest(agent);
    let read = 0;
    for (const [a, b] of [
      [3, 20],
      [15, 1],
    ] as const) {
      await tap.send([a, b]);
      read += await tap.readFirst();
      const { queues, marks } = await shownOf(agent, lab);
      assert.deepEqual(queues, [
        { offered: tap.sent[0], dropped: 0, delivered: read },
        { offered: tap.sent[1], dropped: 0, delivered: 0 },
      ]);
      assert.deepEqual(marks, []);
    }
    assert.equal(agent.probes.level(), 'rest');
    const onTheWay = agent.probes.attached().filter((program) => ON_THE_WAY.test(program));
    const isSplitByDequeues = agent.probes.mechanism('consumed') === 'fentry';
    assert.ok(onTheWay.length > 0, 'no program tells the queues apart');
    assert.deepEqual(
      onTheWay.filter((program) => program.startsWith('consumed_') !== isSplitByDequeues),
      [],
    );
    await tap.send([0, RING]);
    const { queues, marks } = await shownOf(agent, lab);
    assert.deepEqual(queues[1], { offered: tap.sent[1], dropped: 21, delivered: 0 });
    assert.deepEqual(marks, []);
    if (choice === 'auto' && !mayDieOfPatching()) assert.equal(agent.probes.level(), 'exact', 'drops wake it');
  });

test('packets that several queues had before an agent at rest saw the device: marked, and the device has them', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await restingLab(t, isAlone);
  await rest(agent);
  const tap = await twoQueues(lab);
  await tap.send([5, 9]);
  const first = await shownOf(agent, lab);
  assert.ok(first.marks.length > 0 || first.offered === 14, `${first.offered} shown, and nothing is marked`);
  let now = first;
  await until(async () => {
    now = await shownOf(agent, lab);
    return now.offered + now.unseen === 14;
  });
  assert.equal(now.offered + now.unseen, 14);
  assert.equal(now.marks.length > 0, now.unseen > 0);

  await tap.send([1, 2]);
  const next = await shownOf(agent, lab);
  assert.deepEqual(
    next.queues.map(({ offered = 0 }, index) => offered - (now.queues[index]?.offered ?? 0)),
    [1, 2],
  );
});

test('--mechanism=transmit=arithmetic keeps all programs away: queues are absent and marked, the device is exact', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await restingLab(t, isAlone, 'transmit=arithmetic', 'consumed=device-counter');
  const tap = await twoQueues(lab);
  await rest(agent);
  await tap.send([30, 130]);
  await tap.readFirst();
  const { queues, marks, device } = await shownOf(agent, lab);
  assert.deepEqual(queues, [
    { offered: undefined, dropped: 0, delivered: undefined },
    { offered: undefined, dropped: 30, delivered: undefined },
  ]);
  assert.match(marks.join(), /not told apart/);
  assert.deepEqual([device.counters?.txPackets, device.counters?.txDropped], [30, 30]);
  assert.deepEqual(
    agent.probes.attached().filter((program) => /^(offered|consumed)_/.test(program)),
    [],
  );
});

/** A sender chooses the queue of each packet. */
async function twoQueues(lab: NamespaceLab) {
  const testReader = await lab.testReader();
  for (const id of ['a', 'b']) await testReader.open(id, TAP, 'tap', 'mq');
  const peer = await lab.raise(TAP, RING);
  await testReader.steer('a', true);
  const sent: [number, number] = [0, 0];
  return {
    sent,
    send: async (packets: readonly [number, number]): Promise<void> => {
      for (const queue of [0, 1] as const)
        sent[queue] += (await testReader.udp(peer, 9, packets[queue], 64, { queue })).sent;
    },
    readFirst: async (): Promise<number> => (await testReader.read('a', 'all')).packets,
  };
}

async function rest(agent: AttachedLab): Promise<void> {
  if (mayDieOfPatching()) agent.probes.setLevel('rest');
  for (let samples = 0; samples < 2; samples++) await agent.snapshot();
  assert.equal(agent.probes.level(), 'rest');
}

async function shownOf(agent: AttachedLab, lab: NamespaceLab) {
  const device = await agent.device(lab.inode, TAP);
  const queues = device.queues.map(({ counters }) => ({
    offered: counters?.offered,
    dropped: counters === undefined ? undefined : droppedPackets(counters),
    delivered: counters?.delivered,
  }));
  return {
    device,
    queues,
    offered: queues.reduce((sum, { offered = 0 }) => sum + offered, 0),
    unseen: device.unseen?.enqueued ?? 0,
    marks: [...new Set([...device.degraded, ...device.queues.flatMap(({ degraded }) => degraded)])],
  };
}
