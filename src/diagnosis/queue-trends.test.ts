// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapshotAt } from '../../test/snapshots/quiet-host.ts';
import { TrendBuilder } from './queue-trends.ts';

const HUNG = { queues: [{ delivered: 0, lost: 500, occupancy: 1000 }] };
const IDLE = { queues: [{ delivered: 0 }] };

test('columns are rates between two steps; what did nothing is left out', () => {
  const trends = new TrendBuilder();
  for (const second of [0, 10, 11]) trends.add(snapshotAt(second, [HUNG, IDLE, { queues: [{ delivered: 40 }] }], {}));
  const { takenAt, queues, host } = trends.made();
  assert.equal(takenAt.length, 2);
  assert.deepEqual(
    queues.map(({ device, queue, offered, dropped }) => ({ device, queue, offered, dropped })),
    [
      { device: 'tap0', queue: 0, offered: [500, 500], dropped: [500, 500] },
      { device: 'tap2', queue: 0, offered: [40, 40], dropped: [0, 0] },
    ],
  );
  assert.deepEqual(
    [host.offered, host.dropped],
    [
      [540, 540],
      [500, 500],
    ],
  );
});

test('a queue that came later has no figures before it', () => {
  const trends = new TrendBuilder();
  trends.add(snapshotAt(0, [HUNG], {}));
  trends.add(snapshotAt(1, [HUNG], {}));
  trends.add(snapshotAt(2, [HUNG, HUNG], {}));
  trends.add(snapshotAt(3, [HUNG, HUNG], {}));
  const [, later] = trends.made().queues;
  assert.equal(later?.dropped[0], null);
  assert.equal(later?.dropped[2], 500);
});
