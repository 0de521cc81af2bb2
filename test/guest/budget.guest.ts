// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// A load that passes the budget, by the best probes of this kernel: the enqueue path is given up, taken back when the load has ended,
// and no packet is lost from the accounts on either way. How soon is asked of a real CPU (serve-budget): an emulated agent alone
// costs more than any budget. Not by pktgen: at its rate an emulated CPU may run into a trampoline that is being rewritten.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';
import { type Figures, figuresOf, total } from './figures.ts';
import { DEVICE } from './traffic-scenario.ts';

/** Passed by a thousand packets a second. */
const BUDGET = '--budget=0.2%';
const PACKETS_PER_SECOND = 3000;
const RING = 100;
/** So many snapshots must disagree before a device is marked. */
const PATIENCE = 3;

test('shed under load, exact again without, and every packet is known', async (t) => {
  const agent = await startAgent(t, [BUDGET]);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', DEVICE, 'tap');
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
  const sender = await lab.testReader();
  let sent = 0;
  const isAt = async (level: string): Promise<boolean> =>
    (await agent.metrics()).value('tapscope_agent_level', { level }) === 1;
  const assertExact = async (waiting: number, delivered: number): Promise<void> => {
    for (let look = 1; look < PATIENCE; look++) await agent.metrics();
    const figures: Figures = figuresOf(await agent.metrics(), lab.inode, DEVICE);
    const lost = sent - waiting - delivered - total(figures.dropped);
    assert.ok(lost >= 0 && lost <= figures.missed, `${lost} unexplained, ${figures.missed} not shown to the probe`);
    assert.deepEqual([figures.waiting, total(figures.delivered)], [waiting, delivered]);
    assert.equal(figures.txDropped, sent - waiting - delivered);
    assert.deepEqual([figures.offered, figures.imbalances], [sent - lost, lost > 0 ? { 'device dropped': lost } : {}]);
    assert.equal(figures.degraded > 0, lost > 0);
  };

  const loaded = performance.now();
  await sender.stream('s', DEVICE, PACKETS_PER_SECOND, 60);
  await until(() => isAt('lean'));
  assert.ok(await isAt('lean'), 'the load was not shed');
  const seconds = (performance.now() - loaded) / 1000;
  await wait(1000); // some more at level lean
  const streamed = await sender.unstream('s');
  assert.deepEqual(streamed.errors, {});
  sent += streamed.sent;
  t.diagnostic(`shed after ${seconds.toFixed(1)} s, ${sent} packets`);
  await assertExact(RING, 0);
  assert.equal((await testReader.read('a', 'all')).packets, RING);

  await until(() => isAt('exact'));
  sent += (await testReader.packet(DEVICE, RING + 20, 60)).sent;
  await assertExact(RING, RING);
  const metrics = await agent.metrics();
  const [sheds, epochs] = ['budget_sheds', 'epochs'].map((name) => metrics.value(`tapscope_${name}_total`));
  assert.deepEqual([sheds, epochs], [1, 3], 'each way is a new epoch');
});
