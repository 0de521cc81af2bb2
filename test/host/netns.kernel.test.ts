// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The lab's own counts are held against the kernel's: what stands on the lab is only as exact as it is.
import assert from 'node:assert/strict';
import test from 'node:test';
import { namespaceLab, noLab } from './netns.ts';

test('a ring of 10 takes 10 of 100 datagrams and drops 90', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);

  assert.deepEqual(await testReader.udp(peer, 9, 100, 64), { sent: 100, tried: 100, errors: {} });
  assert.equal((await lab.link('tap0')).txDropped, 90);
  assert.deepEqual(await testReader.read('a', 4), { packets: 4, bytes: 4 * 106, errors: {} });
  assert.deepEqual(await testReader.read('a', 'all'), { packets: 6, bytes: 6 * 106, errors: {} });
  const link = await lab.link('tap0');
  assert.equal(link.txPackets, 10);
  assert.equal(link.txBytes, 1060);
});

test('frames by packet socket, through the qdisc and around it', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 10);
  await lab.tc('qdisc replace dev tap0 root pfifo limit 100');

  const through = await testReader.packet('tap0', 15, 60);
  assert.equal(through.tried, 15);
  assert.equal((await lab.link('tap0')).txDropped, 5);
  const around = await testReader.packet('tap0', 15, 60, { bypass: true });
  assert.deepEqual(around, { sent: 0, tried: 15, errors: { ENOBUFS: 15 } });
  assert.equal((await lab.link('tap0')).txDropped, 20);
  const [pfifo] = await lab.qdisc('tap0');
  assert.equal(pfifo?.kind, 'pfifo');
  assert.equal(pfifo?.sentPackets, 15);
});

test('a tun device without Ethernet, and writes from the guest side', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tun0', 'tun');
  const peer = await lab.raise('tun0', 20);

  await testReader.udp(peer, 9, 25, 64);
  assert.equal((await lab.link('tun0')).txDropped, 5);
  assert.deepEqual(await testReader.read('a', 'all'), { packets: 20, bytes: 20 * 92, errors: {} });
  assert.deepEqual(await testReader.write('a', 7, 60), { written: 7, errors: {} });
  assert.equal((await lab.link('tun0')).rxPackets, 7);
});

test('steering reaches exactly the queue that the sender names', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (const id of ['a', 'b', 'c']) {
    await testReader.open(id, 'tap0', 'tap', 'mq');
  }
  const peer = await lab.raise('tap0', 100);
  await testReader.steer('a', true);

  await testReader.udp(peer, 9, 10, 64, { queue: 0 });
  await testReader.udp(peer, 9, 20, 64, { queue: 1, flows: 3 });
  await testReader.packet('tap0', 30, 60, { queue: 2 });
  assert.equal((await testReader.read('a', 'all')).packets, 10);
  assert.equal((await testReader.read('b', 'all')).packets, 20);
  assert.equal((await testReader.read('c', 'all')).packets, 30);

  await testReader.detach('b');
  await assert.rejects(testReader.detach('b'), { code: 'EINVAL' });
  assert.deepEqual(await testReader.read('b', 1), { packets: 0, bytes: 0, errors: {} });
  await testReader.attach('b');
  await lab.ip('link del tap0');
  assert.deepEqual((await testReader.read('b', 1)).errors, { EBADFD: 1 });
});

test('a background reader counts every packet, a failing one every error', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', 500);

  await testReader.udp(peer, 9, 20, 64);
  assert.deepEqual(await testReader.readBad('a', 5), { packets: 0, errors: { EFAULT: 5 } });
  await testReader.readLoop('a', 0);
  for (let burst = 0; burst < 10; burst++) {
    await testReader.udp(peer, 9, 300, 64);
  }
  const looped = await testReader.stop('a');
  const rest = await testReader.read('a', 'all');
  const { txPackets, txDropped } = await lab.link('tap0');
  assert.equal(looped.packets + rest.packets, txPackets);
  assert.equal(txPackets + txDropped + 5, 3020);
});

test('a paced reader keeps its pace', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1000);

  await testReader.udp(peer, 9, 1000, 64);
  const began = performance.now();
  await testReader.readLoop('a', 1000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { packets } = await testReader.stop('a');
  // 0.2 s, and more on a busy machine.
  const ms = performance.now() - began;
  assert.ok(packets > 0 && packets <= ms + 10, `read ${packets} packets in ${ms} ms at 1000 a second`);
  assert.equal((await testReader.read('a', 'all')).packets, 1000 - packets);
});

test('a packet that is not read is counted nowhere as delivered', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist');
  const peer = await lab.raise('tap0', 10);
  await testReader.sniff('tap0', true);
  await testReader.udp(peer, 9, 8, 1000);
  await testReader.sniff('tap0', false);
  await testReader.close('a');
  await testReader.udp(peer, 9, 8, 64);
  await testReader.open('a', 'tap0', 'tap');
  assert.equal((await testReader.read('a', 'all')).packets, 0);
  await testReader.persist('a', false);
  const idle = await lab.testReader();
  await idle.quit();
  await assert.rejects(idle.close('a'), /exited/);
});
