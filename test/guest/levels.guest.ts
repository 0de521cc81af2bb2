// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Drops of shared packets while levels change. No tracepoint tells of those: at level lean the device's own counter knows them,
// no queue does, and the product says so from then on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab, imbalances, totalsOf } from '../agent/agent-lab.ts';
import { namespaceLab } from '../host/netns.ts';
import { pktgenIn } from '../host/pktgen-threads.ts';

const DEVICE = 'tap0';
const RING = 100;
const PACKETS = 4000;

for (const queues of [1, 2])
  test(`shared packets, queues: ${queues}: exact for each queue, for the device at level lean, for each queue again`, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await agentLab(t);
    const testReader = await lab.testReader();
    const multi = queues > 1 ? (['mq'] as const) : [];
    for (let queue = 0; queue < queues; queue++) await testReader.open(`q${queue}`, DEVICE, 'tap', 'persist', ...multi);
    await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
    const generator = (await pktgenIn(lab)).add({
      device: DEVICE,
      threads: 1,
      queues,
      mode: 'start_xmit',
      shared: true,
    });
    const lost = { exact: 0, lean: 0 };
    for (const [change, level] of (['exact', 'lean', 'exact', 'lean', 'exact'] as const).entries()) {
      agent.probes.setLevel(level);
      assert.equal(agent.probes.epoch(), 1 + change, 'each change begins an epoch');
      await agent.snapshot();
      await generator.start();
      await generator.tried(PACKETS);
      const { errors } = await generator.stop();
      lost[level] += errors;
      for (let look = 0; look < 3; look++) await agent.snapshot();
      const device = await agent.device(lab.inode, DEVICE);
      const { FULL_RING = 0, UNTRACED = 0, ...others } = totalsOf(device).dropped;
      t.diagnostic(`${level}: ${errors} lost, ${FULL_RING} + ${UNTRACED} by queue; ${device.degraded}`);
      assert.equal(device.counters?.txDropped, lost.exact + lost.lean, 'of the device, all');
      assert.deepEqual([FULL_RING + UNTRACED, others], [lost.exact, {}], 'of its queues, those at level exact');
      assert.deepEqual(imbalances(device), []);
      const known = `${lost.lean} drops of shared packets are known for the device only: they came at level rest or lean`;
      assert.deepEqual(device.degraded, lost.lean > 0 ? [known] : []);
    }
  });
