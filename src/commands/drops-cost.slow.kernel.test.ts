// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, quiet.
// While packets are lost as fast as they can be sent, `drops --follow` takes 3 % of one CPU at most, and misses none.
import assert from 'node:assert/strict';
import test from 'node:test';
import { followDrops, notShown } from '../../test/agent/follow-drops.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';

/** At 1.3 million losses a second, as fast as a quiet machine sends. */
const MOST_CPU = 0.03;
const RUN_MS = 10_000;
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
    let least = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < ATTEMPTS && least > MOST_CPU; attempt++) {
      const slow = await slowness();
      const before = (await lab.link('tap0')).txDropped;
      const followed = await followDrops(t, ['tap0', '--netns', lab.name, ...flags]);
      for (const began = performance.now(); performance.now() - began < RUN_MS; )
        await sender.packet('tap0', 100_000, 60);
      const { summary } = await followed.end();
      const dropped = (await lab.link('tap0')).txDropped - before;
      assert.equal(summary.lost, dropped);
      if (how === 'singly') assert.equal(summary.shown + notShown(summary), dropped);
      t.diagnostic(
        `${Math.round(dropped / summary.seconds)} losses a second, ${(100 * summary.ownCpu).toFixed(2)} % of one CPU`,
      );
      t.diagnostic(`the machine is ${slow.toFixed(1)} times as slow as at rest`);
      least = Math.min(least, summary.ownCpu / slow);
    }
    assert.ok(least <= MOST_CPU, `${(100 * least).toFixed(2)} % of one CPU at rest`);
  });
}
