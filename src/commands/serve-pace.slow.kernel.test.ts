// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// An agent that itself takes more than the budget, beside taps without a packet: it looks less often, says so, and stays exact.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

/**
 * A fifth of a percent of one core: looking once a second, and answering this test, costs more on every machine, and the
 * few packets of the scrapes, which raw mode pays for too, do not cost a tenth of it.
 */
const BUDGET = `--budget=${0.2 / availableParallelism()}%`;
const TAPS = 16;
/** 20 s in which nothing is judged, and two measurements of 10 s. */
const WITHIN_MS = 120_000;

test('an idle agent over its budget looks every two seconds, and its figures stay exact', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (let tap = 0; tap < TAPS; tap += 1) await testReader.open(String(tap), `tap${tap}`, 'tap');
  const peer = await lab.raise('tap0', 10);
  const agent = await startAgent(t, [BUDGET]);
  const lookSeconds = async () => (await agent.metrics()).value('tapscope_agent_look_seconds');
  assert.equal(await lookSeconds(), 1);
  await until(async () => {
    await wait(1000);
    return (await lookSeconds()) === 2;
  }, WITHIN_MS);
  assert.equal(await lookSeconds(), 2);
  assert.match((await tapscope(['doctor', `--socket=${agent.socket}`])).stdout, /looks at the host every 2 s/);
  const { sent } = await testReader.udp(peer, 9, 25, 64);
  const metrics = await agent.metrics();
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), sent, 'a scrape waits for no sample');
  assert.equal(
    metrics.value('tapscope_agent_level', { level: 'exact' }),
    1,
    'without packets there is nothing to shed',
  );
});
