// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Arrays of any length into what gives them to the kernel (`npm run test:asan`: with sanitizers): nothing is read or written beyond one.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { array, constantFrom, integer, oneof, record, uint8Array } from 'fast-check';
import { fixturePath } from '../../addon/test/fixture.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { errnoOf } from './error-name.ts';
import { BpfObject } from './native.ts';

const GUARD = 0xaa;
const REFUSALS = ['EINVAL', 'ENOSPC', 'ENOENT', 'E2BIG', 'EOPNOTSUPP', 'ENOTSUPP', 'EEXIST', 'EPERM'];

const object = new BpfObject(fixturePath);
object.load();
after(() => object.close());
const maps = object.maps.map(({ name }) => name);
const ring = object.ringBuffer('events');

const bytes = oneof(
  uint8Array({ maxLength: 40 }),
  uint8Array({ minLength: 4, maxLength: 4 }),
  uint8Array({ minLength: 8, maxLength: 8 }),
);

/** An entry of an array, and of a hash once it was put there. */
const there = integer({ min: 0, max: 2 }).map((number) => Uint8Array.of(number, 0, 0, 0));

/** So many bytes between two that nobody may touch. */
function guarded(content: Uint8Array): { readonly inside: Uint8Array; readonly isWhole: () => boolean } {
  const memory = new Uint8Array(content.length + 128).fill(GUARD);
  memory.set(content, 64);
  return {
    inside: memory.subarray(64, 64 + content.length),
    isWhole: () => [...memory.subarray(0, 64), ...memory.subarray(64 + content.length)].every((one) => one === GUARD),
  };
}

/** The kernel's or the addon's refusal is no failure; any other error is. */
function allowed(use: () => unknown): void {
  try {
    use();
  } catch (error) {
    assert.ok(REFUSALS.includes(errnoOf(error) ?? ''), String(error));
  }
}

holdsForAll(
  'keys and values of any length',
  record({ map: constantFrom(...maps), key: oneof(there, bytes), value: bytes, flags: integer({ min: 0, max: 8 }) }),
  ({ map, key, value, flags }) => {
    const [keys, values] = [guarded(key), guarded(value)];
    allowed(() => object.lookup(map, keys.inside, values.inside));
    allowed(() => object.entries(map, keys.inside, values.inside));
    allowed(() => object.update(map, keys.inside, values.inside, flags));
    allowed(() => object.remove(map, keys.inside));
    assert.ok(keys.isWhole() && values.isWhole());
  },
  { runs: 3000 },
);

holdsForAll(
  'contexts of any length',
  record({ program: constantFrom('answer', 'produce', 'count_calls'), context: bytes }),
  ({ program, context }) => {
    const { inside, isWhole } = guarded(context);
    allowed(() => object.testRun(program, inside));
    assert.ok(isWhole());
  },
  { runs: 1000 },
);

holdsForAll(
  'rings that are drained into any room',
  array(record({ room: integer({ min: 0, max: 300 }), budget: integer({ min: 0, max: 6 }) }), { maxLength: 6 }),
  (drains) => {
    const request = Uint32Array.of(4, 24, 0, 0);
    allowed(() => object.testRun('produce', new Uint8Array(request.buffer)));
    for (const { room, budget } of drains) {
      const { inside, isWhole } = guarded(new Uint8Array(room));
      const { records, bytes: used, dropped } = ring.drain(inside, budget);
      assert.ok(used <= room && records + dropped <= budget && isWhole());
    }
  },
  { runs: 1000 },
);
