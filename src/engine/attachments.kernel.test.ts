// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A host without a descriptor left refuses programs for a while only.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLabOf, imbalances, totalsOf } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { withoutDescriptors } from '../../test/host/without-descriptors.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';

/** Of this name there is no other on the host: what others lose wakes no agent that shows it alone. */
const TAP = 'attached0';
const RING = 100;
const WITHIN_MS = 20_000;

test('programs that find no descriptor are attached once there are some, and no packet is lost from the accounts', {
  skip: noLab || (mayDieOfPatching() && 'no agent changes its level by itself where that may kill the machine'),
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLabOf(t, (device) => device === TAP, [], 'auto');
  const testReader = await lab.testReader();
  // As long as it is there, a device of another test that may have several queues asks for no other programs.
  await testReader.open('several', 'attached1', 'tap', 'mq');
  await testReader.open('a', TAP, 'tap');
  const peer = await lab.raise(TAP, RING);
  await until(async () => (await agent.snapshot()) && agent.probes.level() === 'rest', WITHIN_MS);
  let [sent, read] = [0, 0];
  const lose = async (): Promise<void> => {
    sent += (await testReader.udp(peer, 9, RING + 30, 64)).sent;
    read += (await testReader.read('a', 'all')).packets;
    const device = await agent.device(lab.inode, TAP);
    const { offered, delivered, dropped } = totalsOf(device);
    assert.deepEqual([offered, delivered, dropped.FULL_RING ?? 0], [sent, read, sent - read]);
    assert.deepEqual([...imbalances(device), ...device.degraded], []);
  };
  withoutDescriptors(() => agent.ask());
  assert.equal(agent.probes.level(), 'exact');
  assert.equal(agent.probes.mechanism('transmit'), 'arithmetic');
  await lose();
  await until(async () => (await agent.snapshot()) && agent.probes.mechanism('transmit') !== 'arithmetic', WITHIN_MS);
  assert.notEqual(agent.probes.mechanism('transmit'), 'arithmetic');
  await lose();
});
