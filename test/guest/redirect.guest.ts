// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Frames that XDP redirects to a guest behind the real vhost-net, and packets beside them, in one ring.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { imbalances, standingLab, totalsOf } from '../agent/agent-lab.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';

const DEVICE = 'tap0';

test('a guest receives frames and packets; one that stops leaves them in the ring', async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', DEVICE, 'tap', 'vnet', 'persist');
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    `link set ${DEVICE} txqueuelen 100 up`,
    'link set ve0 up',
    'link set ve1 up',
  ]);
  await testReader.guest('a');
  await testReader.redirect('ve1', DEVICE);
  await testReader.receive('a', 0);
  await testReader.packet('ve0', 60, 60);
  await testReader.packet(DEVICE, 30, 60);
  while ((await lab.link(DEVICE)).txPackets < 90) await wait(20);
  await testReader.stall('a');
  // vhost-net shows it the last ones a moment later.
  await until(async () => (await testReader.received('a')).packets === 90);
  assert.equal((await testReader.received('a')).packets, 90);
  await agent.snapshot(); // the first of two samples at rest, which the accounts need to know
  const device = await agent.device(lab.inode, DEVICE);
  const { offered, enqueued, delivered, waiting } = totalsOf(device);
  assert.deepEqual({ offered, enqueued, delivered, waiting }, { offered: 30, enqueued: 90, delivered: 90, waiting: 0 });
  assert.deepEqual(device.queues[0]?.redirected?.enqueued, 60);
  assert.deepEqual(imbalances(device), []);
  assert.deepEqual(device.degraded, []);
});
