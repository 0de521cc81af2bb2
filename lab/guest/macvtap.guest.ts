// SPDX-License-Identifier: Apache-2.0
// The first macvtap or ipvtap of a host is seen, though its module was not there when the agent began.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { namespaceLab } from '../netns.ts';
import { startAgent } from '../serve.ts';

test('the drivers come after the agent', async (t) => {
  execFileSync('modprobe', ['-r', 'macvtap', 'ipvtap']);
  const agent = await startAgent(t, ['--budget=off']);
  const lab = await namespaceLab(t);
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up address 02:00:00:00:00:02',
    'link add link ve1 name vtap0 address 02:00:00:00:00:01 type macvtap mode bridge',
    'link set vtap0 txqueuelen 40 up',
    'link add ve2 type veth peer name ve3',
    'link add link ve3 name vtap1 type ipvtap mode l2',
  ]);
  const labels = { netns: String(lab.inode) };
  const kinds = async (): Promise<readonly string[]> =>
    Object.keys((await agent.metrics()).by('kind', 'tapscope_device_info', labels)).sort();
  for (let tries = 0; (await kinds()).length < 2 && tries < 20; tries++) await wait(500);
  assert.deepEqual(await kinds(), ['ipvtap', 'macvtap']);
  const puppet = await lab.puppet();
  await puppet.open('a', 'vtap0', 'macvtap');
  await puppet.packet('ve0', 50, 60, { unicast: true });
  const { packets } = await puppet.read('a', 5);
  const metrics = await agent.metrics();
  const value = (name: string): number | undefined => metrics.value(name, { ...labels, device: 'vtap0' });
  assert.equal(packets, 5);
  assert.equal(value('tapscope_macvtap_offered_packets_total'), 50);
  assert.equal(value('tapscope_macvtap_dropped_packets_total'), 10);
  assert.equal(value('tapscope_macvtap_delivered_packets_total'), 5);
  assert.equal(value('tapscope_ring_occupancy_packets'), 35);
});
