// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, quiet.
// While packets are lost as fast as they can be sent, `drops --follow` takes 10 % of one CPU at most, and misses none.
import assert from 'node:assert/strict';
import test from 'node:test';
import { followDrops, notShown } from '../../test/agent/follow-drops.ts';
import { cpuMs } from '../../test/host/cpu-time.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slownessDuring } from '../../test/host/slowness.ts';

/** Of a core that does not sleep: a quiet machine takes a fourth of it (docs/overhead.md), and a program that is woken for each loss all of a core. */
const MOST_CPU = 0.1;
const RUN_MS = 10_000;
/** Until the engine has compiled what is used. */
const WARM_UP_MS = 3000;
/** A machine that is busy with other things makes each instruction dearer, now more and now less. */
const ATTEMPTS = 3;

for (const [how, flags] of [
  ['together', []],
  ['singly', ['--packets']],
] as const) {
  test(`losses at full speed, told ${how}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const [reader, sender] = [await lab.testReader(), await lab.testReader()];
    await reader.open('a', 'tap0', 'tap');
    await lab.raise('tap0', 10);
    await lab.tc('qdisc replace dev tap0 root noqueue');
    await sender.packet('tap0', 10, 60);
    const send = async (ms: number): Promise<void> => {
      for (const began = performance.now(); performance.now() - began < ms; ) await sender.packet('tap0', 100_000, 60);
    };
    let least = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < ATTEMPTS && least > MOST_CPU; attempt++) {
      const before = (await lab.link('tap0')).txDropped;
      const followed = await followDrops(t, ['tap0', '--netns', lab.name, ...flags]);
      await send(WARM_UP_MS);
      const { value: ranMs, slow } = await slownessDuring(async () => {
        const beganMs = cpuMs([followed.pid]);
        await send(RUN_MS);
        return cpuMs([followed.pid]) - beganMs;
      });
      const { summary } = await followed.end();
      const dropped = (await lab.link('tap0')).txDropped - before;
      assert.equal(summary.lost, dropped);
      if (how === 'singly') assert.equal(summary.shown + notShown(summary), dropped);
      const cpu = ranMs / RUN_MS;
      t.diagnostic(
        `${Math.round(dropped / summary.seconds)} losses a second, ${(100 * cpu).toFixed(2)} % of a core that is ${slow.toFixed(1)} times as slow as one that does not sleep`,
      );
      least = Math.min(least, cpu / slow);
    }
    assert.ok(least <= MOST_CPU, `${(100 * least).toFixed(2)} % of a CPU`);
  });
}
