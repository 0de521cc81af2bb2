// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The addon's ring buffers on the real kernel: nothing is lost uncounted, and nothing taken that found no room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { failure, loadFixture, offsetOf, produce } from '../../addon/test/fixture.ts';
import { until } from '../../test/host/until.ts';

/** Payload bytes of a record in these tests, and what it takes in a drained array. */
const SIZE = 12;
const STRIDE = 4 + 16;

/** The numbers that the producer put into `count` records of SIZE bytes. */
function numbers(drained: Uint8Array, count: number): readonly number[] {
  const view = new DataView(drained.buffer);
  return Array.from({ length: count }, (_, index) => {
    assert.equal(view.getUint32(index * STRIDE, true), SIZE);
    return view.getUint8(index * STRIDE + 4);
  });
}

function sequence(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

test('records come in order, as many as the budget allows', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  const into = new Uint8Array(4096);
  assert.deepEqual(ring.drain(into, 100), { records: 0, bytes: 0, dropped: 0 });
  produce(object, 10, SIZE);
  assert.deepEqual(ring.drain(into, 0), { records: 0, bytes: 0, dropped: 0 });
  assert.deepEqual(ring.drain(into, 4), { records: 4, bytes: 4 * STRIDE, dropped: 0 });
  assert.deepEqual(numbers(into, 4), sequence(0, 4));
  assert.deepEqual(ring.drain(into, 100), { records: 6, bytes: 6 * STRIDE, dropped: 0 });
  assert.deepEqual(numbers(into, 6), sequence(4, 10));
});

test('what finds no room waits', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 10, SIZE);
  const into = new Uint8Array(3 * STRIDE + 5);
  const seen: number[] = [];
  for (const records of [3, 3, 3, 1, 0]) {
    assert.deepEqual(ring.drain(into, 100), { records, bytes: records * STRIDE, dropped: 0 });
    seen.push(...numbers(into, records));
  }
  assert.deepEqual(seen, sequence(0, 10));
});

test('budget and room run out together', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 5, SIZE);
  const into = new Uint8Array(2 * STRIDE);
  assert.equal(ring.drain(into, 2).records, 2);
  assert.equal(ring.drain(into, 100).records, 2);
  assert.equal(ring.drain(into, 1).records, 1);
  assert.deepEqual(numbers(into, 1), [4]);
  assert.equal(ring.drain(into, 1).records, 0);
});

test('padding is zero, also over old records', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 1, 3);
  const into = new Uint8Array(64).fill(255);
  assert.deepEqual(ring.drain(into, 1), { records: 1, bytes: 12, dropped: 0 });
  assert.deepEqual([...into.subarray(0, 13)], [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255]);
});

test('a record longer than the array is dropped and counted', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 2, 100);
  produce(object, 1, SIZE);
  const into = new Uint8Array(64);
  assert.deepEqual(ring.drain(into, 1), { records: 0, bytes: 0, dropped: 1 });
  assert.deepEqual(ring.drain(into, 100), { records: 1, bytes: STRIDE, dropped: 1 });
});

test('a record that waited and fits no longer is dropped too', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 2, SIZE);
  assert.equal(ring.drain(new Uint8Array(STRIDE), 100).records, 1);
  assert.deepEqual(ring.drain(new Uint8Array(STRIDE - 1), 100), { records: 0, bytes: 0, dropped: 1 });
});

test('a full ring refuses, and the program counts', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  const size = object.maps.find(({ name }) => name === 'events')?.maxEntries ?? 0;
  // The kernel puts 8 bytes before each record and never fills the last one.
  const fits = Math.floor((size - 1) / 24);
  const lost = offsetOf(object, 'lost');
  const bss = object.mapView('.bss');
  produce(object, fits + 30, SIZE);
  assert.equal(bss.u64(lost), 30);
  assert.equal(ring.drain(new Uint8Array(size), fits + 100).records, fits);
  produce(object, 1, SIZE);
  assert.equal(bss.u64(lost), 30);
});

test('a ring outlives its object, not its own close()', (t) => {
  const object = loadFixture(t);
  const ring = object.ringBuffer('events');
  produce(object, 1, SIZE);
  object.close();
  const into = new Uint8Array(64);
  assert.equal(ring.drain(into, 10).records, 1);
  ring.close();
  ring.close();
  assert.throws(() => ring.drain(into, 10), failure('EBADF', /the ring buffer is closed/));
  assert.throws(() => ring.drain(into, -1), RangeError);
});

test('only ring buffers have consumers', (t) => {
  const object = loadFixture(t);
  assert.throws(() => object.ringBuffer('pairs'), failure('EINVAL', /^consume map pairs of /));
  assert.throws(() => object.ringBuffer('nowhere'), failure('ENOENT', /^find map nowhere of /));
});

test('who listens is called once for what lies there, and again when some was left', async (t) => {
  const object = loadFixture(t);
  // The fixture wakes nobody: a consumer that comes later is told of what lies there.
  produce(object, 3, SIZE);
  const ring = object.ringBuffer('events');
  t.after(() => ring.close());
  let calls = 0;
  ring.listen(() => {
    calls += 1;
  });
  const into = new Uint8Array(4096);
  for (const expected of [1, 2]) {
    await until(() => calls >= expected, 10_000);
    assert.equal(calls, expected);
    ring.drain(into, expected);
  }
});

test('nothing is told after a close(), not even what was on its way', async (t) => {
  const object = loadFixture(t);
  produce(object, 3, SIZE);
  const ring = object.ringBuffer('events');
  let calls = 0;
  ring.listen(() => {
    calls += 1;
  });
  // Node is busy while the thread tells of them.
  for (const until = performance.now() + 300; performance.now() < until; );
  ring.close();
  await wait(100);
  assert.equal(calls, 0);
});
