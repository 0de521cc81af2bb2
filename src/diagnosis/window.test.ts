// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { windowOf } from './window.ts';

/** Second by second, whether the device is there. */
function seen(there: readonly boolean[]): readonly Snapshot[] {
  return there.map((isThere, second) => ({
    ...goldenSnapshot,
    takenAt: 1000 + second,
    devices: isThere ? goldenSnapshot.devices.slice(0, 1) : [],
  }));
}

for (const { there, spans } of [
  { there: [true, true], spans: [[1000, 1001]] },
  { there: [false, true, true, true, true], spans: [[1001, 1002, 1003, 1004]] },
  { there: [true, false, true, true, true, true], spans: [[1002, 1003, 1004, 1005]] },
  { there: [false, true, true, true], spans: [] },
  { there: [true, true, true, false], spans: [] },
])
  test(`a device is judged since it came, but for its first seconds: ${there.map(Number).join('')}`, () => {
    const { devices } = windowOf(seen(there));
    assert.deepEqual(
      devices.map(({ takenAt }) => takenAt),
      spans,
    );
    for (const { seconds, takenAt, steps, queues } of devices) {
      assert.deepEqual([seconds, steps.length], [takenAt.length - 1, takenAt.length]);
      assert.ok(queues.length > 0 && queues.every((queue) => queue.steps.length === takenAt.length));
    }
  });

for (const { lengths, begins } of [
  { lengths: [2, 2, 2, 1000, 1000, 1000], begins: 1003 },
  { lengths: [2, 2, 2, 2, 2, 1000], begins: 1000 },
  { lengths: [1000, 1000, 2, 2, 2, 2], begins: 1000 },
])
  test(`what a shorter queue lost is not judged once the longer one was sampled: ${lengths.join(', ')}`, () => {
    const [device] = goldenSnapshot.devices;
    assert.ok(device);
    const snapshots = lengths.map((queueLength, second) => ({
      ...goldenSnapshot,
      takenAt: 1000 + second,
      devices: [{ ...device, queueLength }],
    }));
    const [span] = windowOf(snapshots).devices;
    assert.deepEqual(
      [span?.takenAt[0], span?.before.queueLength, span?.seconds],
      [begins, lengths[begins - 1000], 1005 - begins],
    );
  });
