// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Losses followed at full speed: what is shown and what is said not to be are the device's own drops, to the packet.
import assert from 'node:assert/strict';
import test from 'node:test';
import { followDrops, notShown } from '../agent/follow-drops.ts';
import { namespaceLab } from '../host/netns.ts';
import { sourceOf } from './traffic-scenario.ts';

const RING = 100;
const RATE = 50;

for (const [skb, path, threads, mechanism] of [
  ['shared', 'start_xmit', 2, 'tp_btf'],
  ['unshared', 'start_xmit', 1, 'raw-tracepoint'],
  ['unshared', 'noqueue', 2, 'tp_btf'],
] as const) {
  for (const how of ['together', 'singly'] as const) {
    test(`${skb} packets by ${path} from ${threads}, ${how}, by ${mechanism}`, async (t) => {
      const lab = await namespaceLab(t);
      const testReader = await lab.testReader();
      await testReader.open('q0', 'tap0', 'tap', 'persist');
      await lab.ip(`link set dev tap0 txqueuelen ${RING} up`);
      if (path !== 'start_xmit') await lab.tc(`qdisc replace dev tap0 root ${path}`);
      const source = await sourceOf(lab, { device: 'tap0', path, skb, threads, queues: 1 });
      const flags = how === 'singly' ? ['--rate-limit', String(RATE)] : [];
      const by = ['--mechanism', `freed=${mechanism}`];
      const followed = await followDrops(t, ['tap0', '--netns', String(lab.inode), ...by, ...flags]);
      await source.start();
      await source.tried(source.packets);
      const { tried } = await source.stop();
      const { txDropped } = await lab.link('tap0');
      const { summary, totals, packets } = await followed.end();
      t.diagnostic(`${tried} packets, ${txDropped} dropped; ${JSON.stringify(summary)}`);
      assert.equal(txDropped, tried - RING);
      assert.equal(summary.lost, txDropped, JSON.stringify(totals));
      const traced = totals['tap0 tun FULL_RING tun_net_xmit'] ?? 0;
      assert.equal(summary.untraced, txDropped - traced);
      if (skb === 'shared') assert.ok(summary.untraced > 0);
      else assert.ok(summary.untraced <= summary.skipped, `${summary.untraced} untraced, ${summary.skipped} skipped`);
      assert.equal(summary.shown + notShown(summary), txDropped);
      if (how === 'together') return;
      assert.equal(summary.shown, packets.length);
      // The bucket is full at first. In a slow VM the program counts for a little longer than the seconds that it reports.
      const most = RATE * (summary.seconds + 2);
      assert.ok(summary.shown <= most, `${summary.shown} in ${summary.seconds} s`);
      if (skb === 'unshared') assert.ok(summary.shown >= RATE && summary.overLimit > 0);
    });
  }
}
