// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A reader that sleeps when a packet comes, sender and reader pinned: woken on the sender's CPU, on another, or not at all.
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import test from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { asleep, SAMPLE, sendToSleeper, wakeOnCpus } from '../../test/host/sleeper.ts';
import { until } from '../../test/host/until.ts';

test('the reader wakes where it was woken', { skip: noLab || (cpus().length < 2 && 'needs two CPUs') }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t);
  const [sender, reader] = [await lab.testReader(), await lab.testReader()];
  const pin = (pid: number, cpu: number) => lab.exec('taskset', '-a', '-p', '-c', String(cpu), String(pid));
  await pin(sender.pid, 0); // each CPU looks at every 256th packet of its own
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 2 * SAMPLE);
  const wakeups = async () => (await agent.device(lab.inode, 'tap0')).queues[0]?.wakeups;
  assert.deepEqual(await wakeups(), { there: 0, elsewhere: 0 });

  // No reader waits for these packets, so that none of them wakes one.
  await sender.udp(peer, 9, SAMPLE, 64);
  assert.equal((await reader.read('a', 'all')).packets, SAMPLE);
  assert.deepEqual(await wakeups(), { there: 0, elsewhere: 0 });

  await reader.readLoop('a', 0);
  const send = () => sendToSleeper(sender, peer, () => asleep(reader.pid));
  const isLate = agent.mechanism('transmit') === 'fentry';
  const sent = await wakeOnCpus(wakeups, send, (cpu) => pin(reader.pid, cpu), isLate);
  await until(async () => (await lab.link('tap0')).txPackets === (1 + sent) * SAMPLE); // woken is not yet on a CPU
  assert.equal((await reader.stop('a')).packets, sent * SAMPLE);
});
