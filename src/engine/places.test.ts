// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Places } from './places.ts';

/** Each address is a function. */
const symbols = { functionAt: (address: bigint) => `f${address}` };

test('so many places of one owner are named, always the same; the others are one', () => {
  const places = new Places<number>(() => symbols);
  for (let address = 1n; address <= 48n; address++)
    assert.deepEqual(places.of(1, 'R', address), { reason: 'R', location: `f${address}` });
  assert.deepEqual(places.of(1, 'R', 49n), { reason: 'other', location: 'other' });
  assert.deepEqual(places.of(1, 'S', 1n), { reason: 'other', location: 'other' });
  assert.deepEqual(places.of(1, 'R', 48n), { reason: 'R', location: 'f48' });
  assert.deepEqual(places.of(2, 'R', 49n), { reason: 'R', location: 'f49' });
  places.forget(1);
  assert.deepEqual(places.of(1, 'R', 49n), { reason: 'R', location: 'f49' });
});

test('an address in no function is never shown', () => {
  const places = new Places<number>(() => undefined);
  places.learn([1n]);
  assert.deepEqual(places.of(1, 'R', 1n), { reason: 'R', location: 'other' });
});
