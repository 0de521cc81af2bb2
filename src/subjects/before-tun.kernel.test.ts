// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// Losses before tun appear with reason and location, equal to what was sent minus what arrived.
import assert from 'node:assert/strict';
import test from 'node:test';
import { droppedBefore, imbalances, standingLab, totalsOf } from '../../test/agent/agent-lab.ts';
import { bridgeToNarrow } from '../../test/host/bridge.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { isBridgeDrop, isManagedDrop } from '../diagnosis/evidence/drop-kinds.ts';
import type { Device } from '../snapshot/device.ts';

/** Where a queueing discipline's losses are freed: its caller, or the list that younger kernels collect them in. */
const QDISC_LOCATIONS = ['__dev_queue_xmit', '__tcf_kfree_skb_list', 'kfree_skb_list_reason'];

function locationsOf({ otherDropped = [] }: Device): readonly string[] {
  return otherDropped.map(({ location }) => location);
}

test('a bridge with a port of smaller MTU', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tapa', 'tap');
  await testReader.open('b', 'tapb', 'tap');
  await bridgeToNarrow(lab, 'tapa', 'tapb');
  await testReader.read('b', 'all');
  const before = await agent.device(lab.inode, 'tapb');
  await testReader.write('a', 7, 4000);
  await testReader.write('a', 3, 1000);
  const arrived = (await testReader.read('b', 'all')).packets;
  const device = await agent.device(lab.inode, 'tapb');
  assert.equal(totalsOf(device).delivered - totalsOf(before).delivered, arrived);
  assert.deepEqual(device.otherDropped, [
    { reason: 'NOT_SPECIFIED', location: 'br_dev_queue_push_xmit', packets: 10 - arrived },
  ]);
  assert.equal(arrived, 3);
});

test('a bridge with br_netfilter and a port of smaller MTU', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('b', 'tapb', 'tap');
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 mtu 9000 up',
    'link add br0 type bridge mcast_snooping 0 forward_delay 0',
    'link set ve1 mtu 9000 master br0 up',
    'link set tapb master br0 mtu 1500 up',
    'link set br0 mtu 9000 up',
    'addr add 10.88.0.1/24 dev ve0',
    'neigh replace 10.88.0.2 lladdr 02:00:00:00:00:01 dev ve0 nud permanent',
  ]);
  const isOn = await lab
    .exec('sh', '-c', 'modprobe br_netfilter 2> /dev/null; sysctl -q net.bridge.bridge-nf-call-iptables=1')
    .then(
      () => true,
      () => false,
    );
  if (!isOn) return t.skip('this kernel has no br_netfilter');
  // The hooks of br_netfilter are there while there is a rule, or conntrack.
  await lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook forward priority 0; }');
  await lab.forwards('tapb');
  const counted = async () => droppedBefore(await agent.device(lab.inode, 'tapb'));
  // The module is new: its functions are learned within a second or two (docs/accuracy.md), and known when one of its drops is counted.
  await until(async () => {
    await testReader.udp('10.88.0.2', 9, 1, 4000);
    return (await counted()) > 0;
  });
  const before = await agent.device(lab.inode, 'tapb');
  await testReader.udp('10.88.0.2', 9, 30, 4000);
  await testReader.udp('10.88.0.2', 9, 5, 1000);
  const arrived = (await testReader.read('b', 'all')).packets;
  const device = await agent.device(lab.inode, 'tapb');
  assert.equal(totalsOf(device).delivered - totalsOf(before).delivered, arrived);
  assert.equal(arrived, 5);
  assert.equal(droppedBefore(device) - droppedBefore(before), 30);
  assert.ok((device.otherDropped ?? []).every(isBridgeDrop), JSON.stringify(device.otherDropped));
});

test('a tap without a reader', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist');
  const peer = await lab.raise('tap0', 100);
  await testReader.close('a');
  // The kernel puts the noop qdisc in place when it has noticed that the carrier is gone.
  await lab.exec('sh', '-c', 'until ip link show tap0 | grep -q "state DOWN"; do sleep 0.1; done');
  const before = (await lab.link('tap0')).txDropped;
  await testReader.packet('tap0', 20, 60);
  const device = await agent.device(lab.inode, 'tap0');
  const counted = (await lab.link('tap0')).txDropped - before;
  assert.ok(counted === 20 || counted === 0, 'Linux 6.1 counts such drops at the qdisc only');
  assert.equal(droppedBefore(device), 20);
  assert.ok(locationsOf(device).every((location) => QDISC_LOCATIONS.includes(location)));
  assert.equal(device.attachedQueues, 0);
  assert.deepEqual(imbalances(device), []);
  assert.ok(peer);
});

test('a full tbf', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1000);
  // After its burst it sends a packet in 10 s: nothing moves while the figures are read.
  await lab.tc('qdisc replace dev tap0 root tbf rate 80bit burst 1540 limit 5000');
  await testReader.udp(peer, 9, 100, 64);
  const device = await agent.device(lab.inode, 'tap0');
  const [tbf] = await lab.qdisc('tap0');
  assert.ok(tbf && tbf.dropped > 0);
  assert.equal(droppedBefore(device), tbf.dropped);
  assert.ok(locationsOf(device).every((location) => QDISC_LOCATIONS.includes(location)));
  assert.deepEqual(imbalances(device), []);
});

test('CoDel drops what has waited for too long, with a reason or without', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1000);
  await lab.tc('qdisc replace dev tap0 root handle 1: tbf rate 800kbit burst 5000 limit 1000000');
  const codel = await lab.tc('qdisc replace dev tap0 parent 1: handle 10: codel limit 1000 interval 10ms').then(
    () => true,
    () => false,
  );
  if (!codel) return t.skip('this kernel has no codel');
  const droppedByCodel = async (): Promise<number> => {
    for (let burst = 0; burst < 5; burst += 1) await testReader.udp(peer, 9, 60, 1000);
    const codelNow = async () => (await lab.qdisc('tap0')).find(({ kind }) => kind === 'codel');
    await until(async () => (await codelNow())?.backlogPackets === 0);
    return (await codelNow())?.dropped ?? 0;
  };
  // The module may be new: its functions are known when one of its drops is counted.
  let known = 0;
  let before = await agent.device(lab.inode, 'tap0');
  await until(async () => {
    known = await droppedByCodel();
    before = await agent.device(lab.inode, 'tap0');
    return droppedBefore(before) > 0;
  });
  const dropped = (await droppedByCodel()) - known;
  assert.ok(dropped > 0);
  const device = await agent.device(lab.inode, 'tap0');
  assert.equal(droppedBefore(device) - droppedBefore(before), dropped);
  assert.ok(
    (device.otherDropped ?? []).every(isManagedDrop),
    `${(device.otherDropped ?? []).map(({ reason, location }) => `${reason} ${location}`)}`,
  );
  assert.deepEqual(imbalances(device), []);
});
