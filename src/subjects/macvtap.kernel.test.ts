// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// macvtap and ipvtap: what a veth carries to them is dropped, waits, or is read; equal to the reader's count and `ip -s link`.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';
import { MacvtapReads } from './macvtap.ts';

const MAC = '02:00:00:00:00:01';
const KINDS = {
  macvtap: [`link add link ve1 name vtap0 address ${MAC} type macvtap mode bridge`],
  ipvtap: ['link add link ve1 name vtap0 type ipvtap mode l2'],
};

/** Makes the device; false: this kernel does not have the driver. */
async function makeDevice(lab: NamespaceLab, kind: keyof typeof KINDS): Promise<boolean> {
  await lab.ipBatch(['link add ve0 type veth peer name ve1', 'link set ve0 up', 'link set ve1 up']);
  const made = await lab.ipBatch(KINDS[kind]).then(
    () => true,
    () => false,
  );
  if (made) await lab.ip('link set vtap0 txqueuelen 40 up');
  return made;
}

/** An ipvtap takes what goes to its IP address, or to all: that comes later, by a work queue. */
async function send(lab: NamespaceLab, testReader: TestReader, kind: keyof typeof KINDS): Promise<void> {
  assert.equal((await testReader.packet('ve0', 100, 60, { unicast: kind === 'macvtap' })).sent, 100);
  for (let tries = 0; (await lab.link('vtap0')).rxPackets < 100 && tries < 50; tries++) await wait(100);
}

function summary({ kind, queues, macvtap, uncounted }: Device): unknown {
  const lost = Object.fromEntries(uncounted.map(({ cause, packets }) => [cause, packets]));
  return {
    kind,
    rings: queues.map(({ ring }) => ring && { capacity: ring.capacity, occupancy: ring.occupancy }),
    ...macvtap,
    lost,
  };
}

for (const kind of ['macvtap', 'ipvtap'] as const) {
  test(`${kind}: a ring that fills, is read, is closed`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    if (!(await makeDevice(lab, kind))) {
      t.skip(`this kernel has no ${kind}`);
      return;
    }
    const agent = await agentLab(t);
    const counted = agent.mechanism('macvtap-reads') === 'fexit';
    const testReader = await lab.testReader();
    await testReader.open('a', 'vtap0', 'macvtap');
    const offered = { kind, offered: 100, written: 0, refused: 0, lost: { purged: 0, resized: 0, failed: 0 } };
    const dropped = [{ reason: 'FULL_RING', location: 'tap_handle_frame', packets: 60 }];

    await send(lab, testReader, kind);
    assert.deepEqual(summary(await agent.device(lab.inode, 'vtap0')), {
      ...offered,
      rings: [{ capacity: 40, occupancy: 40 }],
      dropped,
      delivered: counted ? 0 : undefined,
    });

    assert.equal((await testReader.read('a', 15)).packets, 15);
    assert.equal((await testReader.write('a', 7, 60)).written, 7);
    assert.deepEqual(summary(await agent.device(lab.inode, 'vtap0')), {
      ...offered,
      written: 7,
      rings: [{ capacity: 40, occupancy: 25 }],
      dropped,
      delivered: counted ? 15 : undefined,
    });
    const { rxPackets, txPackets } = await lab.link('vtap0');
    assert.deepEqual([rxPackets, txPackets], [100, 7]);

    await testReader.close('a');
    assert.deepEqual(summary(await agent.device(lab.inode, 'vtap0')), {
      ...offered,
      written: 7,
      rings: [],
      dropped,
      delivered: counted ? 15 : undefined,
      lost: { purged: 25, resized: 0, failed: 0 },
    });
  });
}

test('of a macvtap that was read, lost nothing and is gone, nothing is kept', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  if (!(await makeDevice(lab, 'macvtap'))) {
    t.skip('this kernel has no macvtap');
    return;
  }
  const agent = await agentLab(t);
  const { programs } = agent.probes;
  if (!programs || agent.mechanism('macvtap-reads') !== 'fexit') {
    t.skip('nothing counts its reads here');
    return;
  }
  const reads = new MacvtapReads(programs.object);
  const testReader = await lab.testReader();
  await testReader.open('a', 'vtap0', 'macvtap');
  await testReader.packet('ve0', 10, 60, { unicast: true });
  await until(async () => (await lab.link('vtap0')).rxPackets === 10);
  assert.equal((await testReader.read('a', 10)).packets, 10);
  const device = await agent.device(lab.inode, 'vtap0');
  assert.deepEqual([device.macvtap?.delivered, device.macvtap?.dropped], [10, []]);
  assert.equal(reads.read().get(BigInt(device.id)), 10);
  await testReader.close('a');
  await lab.ip('link del vtap0');
  // Kept for three samples and two seconds.
  await until(async () => {
    await agent.snapshot();
    return reads.read().size === 0;
  });
  assert.deepEqual([...reads.read()], []);
});

for (const place of ['vtap0', 've1'])
  test(`what the guest of a macvtap sends and the qdisc of ${place} drops`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    if (!isSince(5, 17) || !(await makeDevice(lab, 'macvtap'))) {
      t.skip('this kernel has no macvtap, or gives no reasons');
      return;
    }
    const agent = await agentLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'vtap0', 'macvtap');
    await lab.tc(`qdisc add dev ${place} root tbf rate 8kbit burst 2000 limit 2000`);
    assert.equal((await agent.device(lab.inode, 'vtap0')).macvtap?.sendDrops, undefined, 'nobody asks');

    const asked = async (): Promise<Device> => {
      agent.ask();
      return agent.device(lab.inode, 'vtap0');
    };
    await until(async () => (await asked()).macvtap?.sendDrops !== undefined);
    const { written } = await testReader.write('a', 200, 500);
    const dropped = (await lab.qdisc(place))[0]?.dropped ?? 0;
    assert.ok(dropped > 100, `${dropped} of ${written}`);
    const { macvtap } = await asked();
    assert.equal(
      macvtap?.refused,
      place === 'vtap0' ? 0 : dropped,
      'the kernel’s tx_dropped has what the device below refused',
    );
    const { dropped: drops = [], beforeCounted } = macvtap?.sendDrops ?? {};
    assert.equal(
      drops.reduce((sum, { packets }) => sum + packets, 0),
      dropped,
    );
    assert.ok(
      drops.every(({ reason }) => reason.startsWith('QDISC')),
      JSON.stringify(drops),
    );
    assert.equal(
      beforeCounted,
      place === 'vtap0' ? dropped : 0,
      'what is freed in front of it is in no counter of its own',
    );
  });
