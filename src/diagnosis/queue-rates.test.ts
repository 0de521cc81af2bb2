// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../snapshot/device.ts';
import type { Queue } from '../snapshot/queue.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { queueRates } from './queue-rates.ts';
import { windowOf } from './window.ts';

const [guest = assert.fail(), , , macvtap = assert.fail()] = goldenSnapshot.devices;
const [busy = assert.fail()] = guest.queues;
const counters = busy.counters ?? assert.fail();

const snapshot = (after: number, ...devices: readonly Device[]): Snapshot => ({
  ...goldenSnapshot,
  takenAt: goldenSnapshot.takenAt + after,
  devices,
});
const ratesOf = (...snapshots: readonly Snapshot[]): ReturnType<typeof queueRates> =>
  queueRates(windowOf(snapshots.slice(-2)), windowOf(snapshots));

const later: Queue = {
  ...busy,
  counters: { ...counters, offered: 1500, dropped: [{ reason: 'FULL_RING', packets: 120 }] },
  history: busy.history && {
    ...busy.history,
    sojourn: { buckets: [...Array(15).fill(0), 3, 6, 1 + 98, 0, 0, 2], sum: 0 },
  },
  flow: busy.flow && { ...busy.flow, stoppedSeconds: 2 },
  reader: {
    thread: 4713,
    fullSeconds: [
      { state: 'running', seconds: 1000 },
      { state: 'waiting', seconds: 1001 },
    ],
  },
};
const idle: Queue = {
  ...busy,
  reader: {
    thread: 4713,
    fullSeconds: [
      { state: 'running', seconds: 999 },
      { state: 'waiting', seconds: 999.5 },
    ],
  },
};

test('rates are of the short window, quantiles and states of the long one', () => {
  const before = { ...guest, queues: [idle] };
  const now = {
    ...before,
    queues: [later],
    counters: { txPackets: 0, txBytes: 0, txDropped: 0, rxPackets: 205, rxBytes: 0, rxDropped: 0 },
  };
  const [rate] = ratesOf(snapshot(0, before), snapshot(8, before), snapshot(10, now));
  assert.ok(rate);
  const { offered, dropped, written, stopped, sojourn, state, queue, namespace } = rate;
  assert.deepEqual(
    { offered, dropped, written, stopped, state, queue, namespace },
    { offered: 250, dropped: 10, written: 100, stopped: 0.25, state: 'waiting', queue: 0, namespace: '4026531840' },
  );
  // 98 below 2^17 ns and 2 below 2^20: 98 of 100 are too few.
  assert.equal(sojourn, 2 ** 20 / 1e9);
});

test('a queue that was not full has no state; what was not measured is undefined, not 0', () => {
  const unseen: Device = { ...guest, queues: [{ ...busy, counters: undefined, history: undefined, flow: undefined }] };
  const [rate] = ratesOf(
    snapshot(0, { ...unseen, counters: undefined }),
    snapshot(1, { ...unseen, counters: undefined }),
  );
  assert.deepEqual(
    [rate?.offered, rate?.dropped, rate?.written, rate?.stopped, rate?.sojourn, rate?.state],
    [undefined, undefined, undefined, undefined, undefined, undefined],
  );
});

test('without counters of queues those of the device stand in, where it has one queue or none', () => {
  const grown = macvtap.macvtap ?? assert.fail();
  const now: Device = { ...macvtap, macvtap: { ...grown, offered: 32, written: 13, dropped: [] } };
  const [rate, ...others] = ratesOf(snapshot(0, macvtap), snapshot(10, now));
  assert.deepEqual([rate?.offered, rate?.dropped, rate?.written, others.length], [2, 0, 1, 0]);
  const empty: Device = { ...guest, queues: [] };
  const [alone] = ratesOf(
    snapshot(0, empty),
    snapshot(10, { ...empty, otherDropped: [{ reason: 'QDISC_DROP', location: 'x', packets: 36 }] }),
  );
  assert.deepEqual([alone?.queue, alone?.lostBefore], [undefined, 2]);
});
