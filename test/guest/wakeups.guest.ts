// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// vhost-net's worker that sleeps when a packet comes: woken on the sender's CPU, or on another.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab } from '../agent/agent-lab.ts';
import { namespaceLab } from '../host/netns.ts';
import { SAMPLE, sendToSleeper, sleeps, wakeOnCpus, workersOf } from '../host/sleeper.ts';
import { until } from '../host/until.ts';

test('the worker of vhost-net wakes where it was woken', async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t);
  const [sender, guest] = [await lab.testReader(), await lab.testReader()];
  const pin = (pid: number, cpu: number) => lab.exec('taskset', '-p', '-c', String(cpu), String(pid));
  await pin(sender.pid, 0);
  await guest.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', 2 * SAMPLE);
  await guest.guest('a');
  await guest.receive('a', 0);
  const [worker = 0] = await workersOf(lab, guest);
  await agent.snapshot(); // looks for workers
  const wakeups = async () => (await agent.device(lab.inode, 'tap0')).queues[0]?.wakeups;
  const send = () => sendToSleeper(sender, peer, () => sleeps(String(worker)));
  const isLate = agent.mechanism('transmit') === 'fentry';
  const sent = await wakeOnCpus(wakeups, send, (cpu) => pin(worker, cpu), isLate);
  await guest.stall('a');
  // Woken is not yet on a CPU.
  await until(async () => (await guest.received('a')).packets === sent * SAMPLE);
  assert.equal((await guest.received('a')).packets, sent * SAMPLE);
});
