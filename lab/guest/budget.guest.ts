// SPDX-License-Identifier: Apache-2.0
// A load that passes the budget, by the best probes of this kernel: the enqueue path is given up, taken back when the load has ended,
// and no drop is lost or made up on either way. How soon is tested on a real CPU (serve-budget): an emulated one is as slow as
// the agent alone costs more than most budgets, of which only the enqueue path counts here.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { namespaceLab } from '../netns.ts';
import { type Agent, startAgent, tapscope } from '../serve.ts';
import { figuresOf, marksOf, total } from './figures.ts';
import { DEVICE } from './lives.ts';
import { sourceOf } from './source.ts';

/** An enqueue path of a tenth of this is worth to be given up. */
const BUDGET = '--budget=5%';
const RING = 100;
/** Than there is room for. */
const MORE = 20;
const SHED_WITHIN_MS = 60_000;
const BACK_WITHIN_MS = 120_000;
/** So many snapshots must agree that a device is to be marked, or not any more. */
const LOOKS = 3;

for (const skb of ['unshared', 'shared'] as const)
  test(`${skb} packets: shed under load, exact again without, and every drop is known`, async (t) => {
    const agent = await startAgent(t, [BUDGET]);
    const lab = await namespaceLab(t);
    const puppet = await lab.puppet();
    await puppet.open('a', DEVICE, 'tap');
    await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
    const source = await sourceOf(lab, { device: DEVICE, path: 'start_xmit', skb, threads: 1, queues: 1 });
    const figures = async (): Promise<ReturnType<typeof figuresOf>> => {
      for (let look = 1; look < LOOKS; look++) await agent.metrics();
      return figuresOf(await agent.metrics(), lab.inode, DEVICE);
    };

    const loaded = performance.now();
    await source.start();
    await reaches(agent, 'lean', SHED_WITHIN_MS);
    const shedAfter = performance.now() - loaded;
    await wait(1000); // some more at level lean
    const { tried, refused } = await source.stop();
    const lean = await figures();
    const untold = refused - total(lean.dropped);
    t.diagnostic(`shed after ${seconds(shedAfter)}; ${tried} packets, ${untold} of ${refused} drops of no queue`);
    assert.equal(lean.txDropped, refused);
    assert.deepEqual(lean.imbalances, {});
    const known = `${untold} drops of shared packets are known for the device only (lean)`;
    const marks = await marksOf(agent, lab.inode, DEVICE);
    if (skb === 'shared') assert.ok(untold > 0, 'no tracepoint tells of shared packets');
    else assert.ok(untold >= 0 && untold <= lean.missed, `${untold} drops of no queue, ${lean.missed} not shown`);
    assert.deepEqual([lean.offered, marks], [tried - untold, untold > 0 ? [known] : []]);
    assert.match((await tapscope(['doctor'])).stdout, /level lean \(its budget was passed/);

    await reaches(agent, 'exact', BACK_WITHIN_MS);
    const after = await agent.metrics();
    const [sheds, epochs] = ['budget_sheds', 'epochs'].map((name) => after.value(`tapscope_${name}_total`));
    assert.equal(epochs, 1 + 2 * (sheds ?? 0), 'each way is a new epoch');
    const waiting = (await puppet.read('a', 'all')).packets;
    await puppet.packet(DEVICE, RING + MORE, 60);
    const exact = await figures();
    const { offered, waiting: full, imbalances, degraded } = exact;
    assert.deepEqual([waiting, full, offered - lean.offered], [RING, RING, RING + MORE]);
    assert.equal(total(exact.dropped) - total(lean.dropped), MORE);
    assert.deepEqual([imbalances, degraded], [{}, 0]);
  });

async function reaches(agent: Agent, level: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while ((await agent.metrics()).value('tapscope_agent_level', { level }) !== 1) {
    assert.ok(performance.now() < deadline, `not at level ${level} within ${withinMs / 1000} s`);
    await wait(500);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
