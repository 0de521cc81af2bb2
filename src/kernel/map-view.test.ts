// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MapView } from './map-view.ts';

const SIZE = 32;

/** 8 bytes of a counter, a negative number, text with a NUL behind it, text without. */
function sample(): MapView {
  const buffer = new ArrayBuffer(SIZE);
  const data = new DataView(buffer);
  data.setBigUint64(0, 0x0020_0000_0000_0001n, true);
  data.setInt32(8, -5, true);
  data.setUint16(12, 0xabcd, true);
  new Uint8Array(buffer).set(new TextEncoder().encode('tap0\0old'), 16);
  new Uint8Array(buffer).set(new TextEncoder().encode('twelve€').subarray(0, 8), 24);
  return new MapView(buffer);
}

test('numbers of all sizes', () => {
  const view = sample();
  assert.equal(view.byteLength, SIZE);
  assert.equal(view.bigint(0), 2n ** 53n + 1n);
  assert.equal(view.u32(0), 1);
  assert.equal(view.u32(8), 2 ** 32 - 5);
  assert.equal(view.s32(8), -5);
  assert.equal(view.u16(12), 0xabcd);
  assert.equal(view.u8(16), 't'.charCodeAt(0));
});

test('u64 is exact up to 2^53', () => {
  const words = new BigUint64Array([2n ** 53n, 2n ** 53n - 1n]);
  const view = new MapView(words.buffer);
  assert.equal(view.u64(0), 2 ** 53);
  assert.equal(view.u64(8), Number.MAX_SAFE_INTEGER);
});

test('a view is live', () => {
  const words = new BigUint64Array(1);
  const view = new MapView(words.buffer);
  words[0] = 7n;
  assert.equal(view.u64(0), 7);
});

test('text ends at NUL or at its length', () => {
  const view = sample();
  assert.equal(view.text(16, 8), 'tap0');
  assert.equal(view.text(16, 3), 'tap');
  assert.equal(view.text(24, 8), 'twelve\\xe2\\x82');
  assert.equal(view.text(0, 0), '');
});

test('copies are the caller’s own', () => {
  const target = new Uint8Array(6);
  const view = sample();
  view.copy(target, 16, 4);
  assert.deepEqual(target, Uint8Array.of(116, 97, 112, 48, 0, 0));
  target.fill(0);
  assert.equal(view.text(16, 4), 'tap0');
  assert.throws(() => view.copy(new Uint8Array(3), 16, 4), RangeError);
});

test('bytes are compared with a copy', () => {
  const view = sample();
  const copy = new Uint8Array(10);
  view.copy(copy, 16, 10);
  assert.ok(view.isSame(copy, 0, 16, 10));
  assert.ok(view.isSame(copy, 2, 18, 8));
  assert.ok(!view.isSame(copy, 0, 17, 8));
  assert.ok(!view.isSame(copy, 0, 16, 11), 'the copy is shorter');
  assert.ok(view.isSame(copy, 0, 0, 0));
});

test('words at offsets are compared in place', () => {
  const view = sample();
  const words = Uint32Array.of(view.u32(8), view.u32(0), view.u32(16));
  assert.ok(view.hasWords(words, 0, [8, 0, 16]));
  assert.ok(!view.hasWords(words, 8, [8, 0, 16]));
  assert.ok(!view.hasWords(Uint32Array.of(0), SIZE, [0]), 'nothing is outside');
});

test('nothing outside, and nothing unaligned', () => {
  const view = sample();
  const target = new Uint8Array(64);
  const reads: Record<string, () => unknown> = {
    'u64 behind': () => view.u64(SIZE),
    'u64 before': () => view.u64(-8),
    'u64 unaligned': () => view.u64(4),
    'bigint behind': () => view.bigint(SIZE),
    'u32 behind': () => view.u32(SIZE),
    'u32 unaligned': () => view.u32(2),
    's32 behind': () => view.s32(SIZE),
    'u16 unaligned': () => view.u16(1),
    'u8 behind': () => view.u8(SIZE),
    'u8 of NaN': () => view.u8(Number.NaN),
    'text behind': () => view.text(SIZE - 4, 5),
    'text of a negative length': () => view.text(8, -1),
    'comparison behind': () => view.isSame(new Uint8Array(64), 0, SIZE - 8, 9),
    'copy behind': () => view.copy(target, SIZE - 8, 9),
    'copy before': () => view.copy(target, -1, 4),
    'copy of a fraction': () => view.copy(target, 0, 1.5),
  };
  for (const [what, read] of Object.entries(reads)) assert.throws(read, RangeError, what);
});

test('the buffer cannot be reached', () => {
  const view = sample();
  assert.deepEqual(Object.keys(view), []);
  assert.deepEqual(Reflect.ownKeys(view), []);
  assert.throws(() => structuredClone(view).u64(0), TypeError);
});
