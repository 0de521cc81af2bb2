// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device } from '../src/snapshot/device.ts';
import { type QueuePlan, snapshotAt, type TapPlan } from '../test/snapshots/quiet-host.ts';
import type { StreamCell } from './bench-report.ts';
import { judgeStreams } from './stream-judgement.ts';
import type { Rest } from './stream-rest.ts';

const BYTES = 1000;
/** By the test host: packets from the guest in each second. */
const SENT = 1000;

const cell = (direction: StreamCell['direction']): StreamCell => ({
  ...{ kind: 'stream', id: 'stream', direction, size: null, sessions: 1, queues: 2, cpus: 2 },
});

function deviceAt(second: number, plans: readonly QueuePlan[], more: TapPlan = {}): Device {
  const [device] = snapshotAt(second, [{ queues: plans, ...more }], {}).devices;
  assert.ok(device?.counters);
  const queues = device.queues.map((queue) => ({
    ...queue,
    counters: queue.counters && { ...queue.counters, offeredBytes: BYTES * (queue.counters.offered ?? 0) },
  }));
  return { ...device, queues, counters: { ...device.counters, txBytes: 1e6 * second, rxBytes: 1e6 * second } };
}

/** `off`: a packet that only the guest, or only tc, has counted. */
function restAt(second: number, device: Device, off: { guest?: number; tc?: number } = {}): Rest {
  const offered = device.queues.reduce((sum, { counters }) => sum + (counters?.offered ?? 0), 0);
  const delivered = device.queues.reduce((sum, { counters }) => sum + (counters?.delivered ?? 0), 0);
  return {
    device,
    guest: { received: delivered + (off.guest ?? 0) + (device.unseen?.enqueued ?? 0), sent: SENT * second },
    qdisc: { bytes: BYTES * offered, drops: off.tc ?? 0 },
  };
}

const plans: readonly QueuePlan[] = [{ delivered: 30, lost: 2 }, { delivered: 5 }];
const streams = {
  received: { bytesTo: 900_000, bytesFrom: 0, bitsPerSecond: 7.2e6 },
  ...{ seconds: 2, hostCpu: 0.25 },
};

test('what passed between two moments at rest, by queue', () => {
  const [before, after] = [restAt(1, deviceAt(1, plans)), restAt(3, deviceAt(3, plans))];
  const run = judgeStreams(cell('host-to-guest'), { before: [before], after: [after], ...streams });
  assert.deepEqual(run.disagreements, []);
  assert.deepEqual([run.transmitted, run.lost], [70, 4]);
  assert.deepEqual(run.stream, { bitsPerSecond: 7.2e6, hostCpu: 0.25, queues: [64, 10], ofNoQueue: 0 });
  const back = judgeStreams(cell('guest-to-host'), { before: [before], after: [after], ...streams });
  assert.equal(back.transmitted, 2 * SENT);
});

test('a packet that one side alone has counted is said', () => {
  const before = [restAt(1, deviceAt(1, plans))];
  const after = [restAt(3, deviceAt(3, plans), { guest: 1, tc: 1 })];
  const { disagreements } = judgeStreams(cell('both'), { before, after, ...streams });
  assert.deepEqual(disagreements, [
    'packets delivered to the tap: 70 by the agent, 71 by the guest',
    'packets that the qdisc dropped: 0 by the agent, 1 by tc -s',
  ]);
});

test('iperf3 cannot have received more bytes than passed the tap', () => {
  const before = [restAt(1, deviceAt(1, plans))];
  const after = [restAt(2, deviceAt(2, plans))];
  const received = { bytesTo: 1_000_001, bytesFrom: 0, bitsPerSecond: 1 };
  assert.deepEqual(judgeStreams(cell('host-to-guest'), { ...streams, before, after, received }).disagreements, [
    'bytes towards the guest: 1000000, and 1000001 by iperf3',
  ]);
});

test('two guests: the tap of the second has the figures, and each disagreement its guest', () => {
  const at = (second: number, guest: number): Rest => restAt(second, deviceAt(second, plans), { guest });
  const { disagreements, transmitted } = judgeStreams(cell('guest-to-guest'), {
    ...streams,
    before: [at(1, 0), at(1, 0)],
    after: [at(2, 0), at(2, 3)],
  });
  assert.equal(transmitted, 35);
  assert.deepEqual(disagreements, ['packets delivered to the tap of guest 2: 35 by the agent, 38 by the guest']);
});

test('packets of the device that no queue has are the device’s, and no doubt', () => {
  const split = 'the kernel skipped a program';
  const unseen = { more: () => ({ unseen: { enqueued: 4, dropped: 0, split }, degraded: [split] }) };
  const before = [restAt(1, deviceAt(1, plans))];
  const after = [restAt(2, deviceAt(2, plans, unseen))];
  const { disagreements, transmitted, stream } = judgeStreams(cell('host-to-guest'), { ...streams, before, after });
  assert.deepEqual([disagreements, transmitted, stream?.ofNoQueue], [[], 39, 4]);
});
