// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenEnded } from '../../test/snapshots/ended-golden.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { EndedDevice } from '../snapshot/deleted-devices.ts';
import type { Device } from '../snapshot/device.ts';
import { countsOf, DeletedLog, NO_COUNTS } from './deleted-log.ts';

const [brief] = goldenEnded.latest;
const [busy] = goldenSnapshot.devices;

function device(changes: Partial<EndedDevice>): EndedDevice {
  assert.ok(brief);
  return { ...brief, ...changes };
}

test('each device is in the totals once, and only the last are kept', () => {
  const log = new DeletedLog((name) => name !== 'hidden');
  const before = log.now;
  log.add([device({ name: 'hidden' })]);
  log.add([]);
  assert.deepEqual(log.now, before);
  log.add([device({ seenFor: 3 }), device({ degraded: ['its end was not seen'] }), device({ name: '' })]);
  for (let more = 0; more < 100; more += 1) log.add([device({ id: String(more) })]);
  const { seen, unseen, inexact, counts, latest } = log.now;
  assert.deepEqual([seen, unseen, inexact], [1, 102, 1]);
  assert.deepEqual([counts.offered, counts.delivered, counts.received], [12 * 103, 7 * 103, 4 * 103]);
  assert.deepEqual(counts.dropped, [{ reason: 'FULL_RING', packets: 3 * 103 }]);
  assert.deepEqual(counts.refused, [{ errno: 'EIO', writes: 103 }]);
  assert.equal(latest.length, 32);
  assert.equal(latest.at(-1)?.id, '99');
});

test('what nothing measured stays unknown', () => {
  const log = new DeletedLog(() => true);
  log.add([device({ counts: NO_COUNTS })]);
  assert.deepEqual([log.now.counts.offered, log.now.counts.refused], [undefined, undefined]);
  log.add([device({})]);
  assert.equal(log.now.counts.offered, 12);
});

test('a device counts from where the agent first saw it, with what no program saw', () => {
  assert.ok(busy?.counters && busy.queues[0]);
  const [queue] = busy.queues;
  const of = (changes: Partial<Device>) => countsOf({ ...busy, audit: [], ...changes }, { delivered: 0, received: 0 });
  const alone = of({ queues: [queue], unseen: { enqueued: 5, dropped: 2 } });
  assert.equal(alone.offered, 1000, 'one queue has them in its figures');
  const several = of({ queues: [queue, { ...queue, index: 1 }], unseen: { enqueued: 5, dropped: 2 } });
  assert.equal(several.offered, 2007);
  assert.deepEqual(several.dropped, [
    { reason: 'FULL_RING', packets: 180 },
    { reason: 'UNTRACED', packets: 22 },
  ]);
  const { txPackets, rxPackets } = busy.counters;
  const unseen = countsOf(
    { ...busy, queues: [], unseen: undefined },
    { delivered: txPackets - 9, received: rxPackets },
  );
  assert.equal(unseen.offered, 9, 'no program ran for it, and no sample saw a queue');
  const later = countsOf(busy, { delivered: txPackets - 1, received: rxPackets });
  assert.deepEqual([later.delivered, later.received], [1, 0]);
  const audit = [
    { equation: 'delivered', imbalance: -3 },
    { equation: 'dropped', imbalance: 2 },
  ];
  assert.equal(of({ audit }).unaccounted, 5);
});
