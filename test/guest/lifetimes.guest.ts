// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Devices that come and go, each mostly at the address of the one before: no count is ever another device's.
import assert from 'node:assert/strict';
import test from 'node:test';
import { standingAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { isWhole } from '../whole.ts';

const LIVES = isWhole ? 100 : 10;

test(`${LIVES} devices, one after the other`, async (t) => {
  const agent = await standingAgent();
  const lab = await namespaceLab(t);
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  for (let life = 1; life <= LIVES; life++) {
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 4);
    await testReader.udp(peer, 9, 4 + life, 64);
    const { packets } = await testReader.read('a', 3);
    const metrics = await agent.metrics();
    assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), 4 + life);
    assert.equal(metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }), life);
    assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), packets);
    await testReader.quit();
  }
});
