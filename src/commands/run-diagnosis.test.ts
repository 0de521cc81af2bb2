// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { judgeSnapshots } from './run-diagnosis.ts';

const HOST = { kernel: '6.1.0', version: '0.1.0' };

/** Second by second, a device of which only the kernel's own counters are known; undefined: it is not there. */
function lives(losses: readonly (number | undefined)[], name = 'tap9', seconds = 1): readonly Snapshot[] {
  const [one] = goldenSnapshot.devices;
  assert.ok(one?.counters);
  const { counters } = one;
  const at = (txDropped: number): Device => ({
    ...one,
    name,
    id: 'nine',
    queues: [],
    otherDropped: undefined,
    audit: [],
    degraded: [],
    counters: { ...counters, txDropped, txPackets: txDropped },
  });
  return losses.map((lost, step) => ({
    ...goldenSnapshot,
    takenAt: goldenSnapshot.takenAt + step * seconds,
    devices: lost === undefined ? [] : [at(lost)],
  }));
}

for (const { seen, says } of [
  { seen: lives([undefined, undefined, 0, 500]), says: 'tap9 lost 500 of 1 000 packets and came too late to say why' },
  { seen: lives([0, 300, undefined]), says: 'tap9 lost 300 of 600 packets and went too early to say why' },
  { seen: lives([100, 190], 'tap9', 0.9), says: 'tap9 lost 90 of 180 packets in 0.9 s, too short a time to say why' },
  { seen: lives([100, 101], 'tap9', 0.9), says: undefined },
  { seen: lives([0, 1, undefined]), says: undefined },
  { seen: lives([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 500]), says: undefined },
])
  test(`what is lost of which too little was seen: ${says}`, () => {
    const { inconclusive, status } = judgeSnapshots(seen, {}, HOST);
    assert.deepEqual(inconclusive, says === undefined ? [] : [says]);
    assert.ok(says === undefined || status !== 'ok', status);
  });

test('of a device that was asked for and went, what it lost until then is said', () => {
  assert.throws(
    () => judgeSnapshots(lives([100, 400, undefined]), { device: 'tap9' }, HOST),
    /^Error: tap9 went while it was watched, having lost 300 of 600 packets until then\.$/,
  );
});

for (const { change, says } of [
  {
    change: { name: 'tap7' },
    says: /^Error: tap9 was renamed to tap7 while it was watched; ask again by that name\.$/,
  },
  {
    change: { netns: 7 },
    says: /^Error: tap9 was moved to namespace blue while it was watched, as tap9; ask again there\.$/,
  },
])
  test(`a device that is another's by the end: ${JSON.stringify(change)}`, () => {
    const seen = lives([100, 200, 300]);
    const [before, ...later] = seen;
    assert.ok(before);
    const netns = before.devices[0]?.netns ?? 0;
    const agent = { ...before.agent, namespaceNames: new Map([[7, 'blue']]) };
    const changed = later.map((one) => ({
      ...one,
      agent,
      devices: one.devices.map((device) => ({ ...device, ...change })),
    }));
    assert.throws(() => judgeSnapshots([before, ...changed], { device: 'tap9', netns: String(netns) }, HOST), says);
  });

test('a device that came too late is named as it can be shown', () => {
  const device = 'tap\\x1b[2J\\x0a0';
  const seen = [[], goldenSnapshot.devices.slice(0, 1)].map((devices, second) => ({
    ...goldenSnapshot,
    takenAt: goldenSnapshot.takenAt + second,
    devices: devices.map((one) => ({ ...one, name: device })),
  }));
  assert.throws(() => judgeSnapshots(seen, { device }, HOST), /^Error: tap\\x1b\[2J\\x0a0 came while it was watched/);
});
