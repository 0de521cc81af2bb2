// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Where packets are allocated and where they are freed, with every program pinned: all on one CPU, or all on two.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';

const PACKETS = 50;

test('freed on the CPU that allocated them, or on another', async (t) => {
  const agent = await startAgent(t, ['--budget=off', '--mechanism', 'allocation=tp_btf']);
  const lab = await namespaceLab(t);
  const pin = (pid: number, cpu: number) => lab.exec('taskset', '-a', '-p', '-c', String(cpu), String(pid));
  const [sender, reader] = [await lab.testReader(), await lab.testReader()];
  await pin(sender.pid, 0);
  await reader.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', 500);
  const freed = async () => {
    const labels = { netns: String(lab.inode), device: 'tap0' };
    return (await agent.metrics()).by('allocated_on', 'tapscope_queue_freed_packets_total', labels);
  };
  const metrics = await agent.metrics();
  if (metrics.value('tapscope_probe_attached', { event: 'allocation' }) === 0) {
    assert.deepEqual(await freed(), {}, 'no series where nothing tells');
    return;
  }
  for (const [cpu, expected] of [
    [0, { same: PACKETS, other: 0 }],
    [1, { same: PACKETS, other: PACKETS }],
  ] as const) {
    await pin(reader.pid, cpu);
    await sender.udp(peer, 9, PACKETS, 64);
    assert.equal((await reader.read('a', 'all')).packets, PACKETS);
    assert.deepEqual(await freed(), expected);
  }
  // The worker of vhost-net is a thread of the guest's process, and pinned with it.
  await reader.guest('a');
  await reader.offer('a', PACKETS);
  await pin(reader.pid, 1);
  await sender.udp(peer, 9, PACKETS, 64);
  await until(async () => (await reader.received('a')).packets === PACKETS);
  assert.equal((await reader.received('a')).packets, PACKETS);
  assert.deepEqual(await freed(), { same: PACKETS, other: 2 * PACKETS });
  await reader.unguest('a');
});
