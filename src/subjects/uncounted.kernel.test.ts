// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Packets that no counter of the kernel's shows as lost: each cause alone, beside what `ip -s link` says.
import assert from 'node:assert/strict';
import test from 'node:test';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import type { Device } from '../snapshot/device.ts';

/** Losses by cause, without zeros. */
function lossesOf({ uncounted }: Device): Readonly<Record<string, number>> {
  const seen = uncounted.filter(({ packets }) => packets > 0);
  return Object.fromEntries(seen.map(({ cause, packets }) => [cause, packets]));
}

test('what a smaller ring, a failed read and a closed queue lose', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'vnet', 'persist');
  const peer = await lab.raise('tap0', 20);
  await testReader.udp(peer, 9, 20, 64);
  await testReader.readBad('a', 3);
  await lab.ip('link set tap0 txqueuelen 10');
  await testReader.read('a', 6);
  await testReader.close('a');
  const device = await agent.device(lab.inode, 'tap0');
  const { txPackets, txDropped } = await lab.link('tap0');
  assert.deepEqual([txPackets, txDropped], [6, 0]);
  assert.deepEqual(lossesOf(device), { failed: 3, resized: 7, purged: 4 });
});

test('what is sent past the qdisc into a stopped queue', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'backpressure');
  await lab.raise('tap0', 10);
  await lab.tc('qdisc replace dev tap0 root pfifo limit 1000');
  if ((await agent.device(lab.inode, 'tap0')).flowControl !== 'backpressure') {
    t.skip('no queue of tun is ever stopped before Linux 7.3');
    return;
  }
  await testReader.packet('tap0', 12, 60);
  const { errors } = await testReader.packet('tap0', 25, 60, { bypass: true });
  const device = await agent.device(lab.inode, 'tap0');
  const { txDropped } = await lab.link('tap0');
  assert.deepEqual([errors, txDropped], [{ ENOBUFS: 25 }, 0]);
  assert.deepEqual(lossesOf(device), { stopped_queue: 25 });
});
