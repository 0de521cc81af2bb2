// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A device of which no byte changed is the same object; any byte of it or of its queues makes it another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MapView } from '../kernel/map-view.ts';
import { LastWalk } from './last-walk.ts';

const DEVICE = { size: 32, at: { device_id: 0, first_queue: 8, queues_written: 12 } };
const QUEUE = { size: 16, at: { device: 0 } };
const [FIGURE_OF_DEVICE, FIGURE_OF_QUEUE] = [16, 8];
const MOST = 8;

interface Tap {
  readonly id: number;
  readonly figure: number;
  /** A figure of each queue. */
  readonly queues: readonly number[];
}

function scene() {
  const [devices, queues] = [new DataView(new ArrayBuffer(MOST * 32)), new DataView(new ArrayBuffer(MOST * 16))];
  const last = new LastWalk<Tap>(new MapView(devices.buffer), new MapView(queues.buffer), {
    device: DEVICE,
    queue: QUEUE,
  });
  /** Writes the taps as the program does. */
  return (taps: readonly Tap[]): readonly Tap[] => {
    let next = 0;
    for (const [index, { id, figure, queues: figures }] of taps.entries()) {
      devices.setBigUint64(index * 32, BigInt(id), true);
      devices.setUint32(index * 32 + 8, next, true);
      devices.setUint32(index * 32 + 12, figures.length, true);
      devices.setUint32(index * 32 + FIGURE_OF_DEVICE, figure, true);
      for (const value of figures) {
        queues.setUint32(next * 16, index, true);
        queues.setUint32(next * 16 + FIGURE_OF_QUEUE, value, true);
        next += 1;
      }
    }
    return last.update(taps.length, (index) => {
      const { id = 0, figure = 0, queues: read = [] } = taps[index] ?? {};
      return { id, figure, queues: [...read] };
    });
  };
}

const one = { id: 1, figure: 5, queues: [7, 8] };
const two = { id: 2, figure: 6, queues: [9] };

test('nothing changed: the same list', () => {
  const walk = scene();
  const first = walk([one, two]);
  assert.deepEqual(first, [one, two]);
  assert.equal(walk([one, two]), first);
});

test('a byte of a device or of one of its queues: another object, and the others stay', () => {
  const walk = scene();
  const [, before] = walk([one, two]);
  const changed = { ...one, figure: 50 };
  assert.deepEqual(walk([changed, two]), [changed, two]);
  const again = { ...changed, queues: [7, 80] };
  const list = walk([again, two]);
  assert.deepEqual(list, [again, two]);
  assert.equal(list[1], before);
});

test('a device that only moves in the list stays the same object', () => {
  const walk = scene();
  const [, before] = walk([one, two]);
  const [alone] = walk([two]);
  assert.equal(alone, before);
  const other = { id: 3, figure: 1, queues: [1, 2, 3] };
  const list = walk([other, one, two]);
  assert.deepEqual(list, [other, one, two]);
  assert.equal(list[2], before);
});

test('a queue more or less is a change', () => {
  const walk = scene();
  walk([two, one]);
  const more = { ...two, queues: [9, 9] };
  assert.deepEqual(walk([more, one]), [more, one]);
  assert.deepEqual(walk([two, one]), [two, one]);
  assert.deepEqual(walk([]), []);
  assert.deepEqual(walk([one]), [one]);
});
