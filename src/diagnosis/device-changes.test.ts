// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapshotAt } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';
import { changesOf } from './device-changes.ts';

const [device = assert.fail()] = snapshotAt(1, [{}], {}).devices;

function told(...states: readonly Partial<Device>[]): readonly string[] {
  const steps = states.map((state, index) => ({ takenAt: 100 + 10 * index, device: { ...device, ...state } }));
  return changesOf(steps).map(({ at, text }) => `${at} ${text}`);
}

test('counters that go on are no change', () => {
  const later = snapshotAt(60, [{}], {}).devices[0] ?? assert.fail();
  assert.deepEqual(changesOf([device, later].map((one, takenAt) => ({ takenAt, device: one }))), []);
  assert.deepEqual(told({}), []);
  assert.deepEqual(changesOf([]), []);
});

test('each change has the time of the step in which it was first seen, all of one step are one text', () => {
  assert.deepEqual(told({}, {}, { queueLength: device.queueLength + 500 }, { qdisc: 'fq_codel' }).slice(0, 1), [
    `120 txqueuelen ${device.queueLength + 500}, was ${device.queueLength}`,
  ]);
  assert.deepEqual(told({ up: true, carrier: true }, { up: false, carrier: false }, { up: true, carrier: true }), [
    '110 device down',
    '120 device up',
  ]);
  assert.deepEqual(told({ carrier: true }, { carrier: false }), ['110 carrier off']);
  assert.deepEqual(told({ qdisc: 'fq' }, { qdisc: undefined, flowControl: 'backpressure' }), [
    `110 qdisc unknown, was fq; flow control backpressure, was ${device.flowControl ?? 'unknown'}`,
  ]);
  assert.deepEqual(told({}, { queues: [] }), ['110 0 queues, was 1']);
  assert.deepEqual(told({}, { id: 'another', up: false }), ['110 made anew']);
});
