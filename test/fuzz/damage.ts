// SPDX-License-Identifier: Apache-2.0
// What happens to good input on its way: bytes cut, flipped, doubled, inserted; values of a JSON text replaced by others.
import { type Arbitrary, array, constantFrom, integer, jsonValue, oneof, record, uint8Array } from 'fast-check';

const place = integer({ min: 0, max: 2 ** 31 - 1 });

const edit = record({
  kind: constantFrom('cut', 'flip', 'double', 'insert', 'overwrite', 'remove'),
  at: place,
  length: integer({ min: 0, max: 64 }),
  bit: integer({ min: 0, max: 7 }),
  bytes: uint8Array({ maxLength: 16 }),
});
type Edit = typeof edit extends Arbitrary<infer Value> ? Value : never;

/** `whole` with one to four injuries. */
export function damaged(whole: Uint8Array): Arbitrary<Uint8Array> {
  return array(edit, { minLength: 1, maxLength: 4 }).map((edits) => edits.reduce(injured, whole));
}

function injured(bytes: Uint8Array, { kind, at, length, bit, bytes: others }: Edit): Uint8Array {
  const start = bytes.length === 0 ? 0 : at % bytes.length;
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
  switch (kind) {
    case 'cut':
      return before;
    case 'flip': {
      const copy = Uint8Array.from(bytes);
      copy[start] = (copy[start] ?? 0) ^ (1 << bit);
      return copy;
    }
    case 'double':
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 'insert':
      return Buffer.concat([before, others, after]);
    case 'overwrite':
      return Buffer.concat([before, others, after.subarray(others.length)]);
    default:
      return Buffer.concat([before, after.subarray(length)]);
  }
}

/** Values that a program of ours never wrote there. */
const odd: Arbitrary<unknown> = oneof(
  constantFrom(
    null,
    0,
    -1,
    0.5,
    1e308,
    -1e308,
    2 ** 53,
    1e-300,
    '',
    '\x1b[31m\n',
    [],
    {},
    true,
    [[]],
    [null],
    '4711',
    'tap0',
  ),
  jsonValue({ maxDepth: 1 }),
);

const change = record({ at: place, remove: constantFrom(false, false, false, true), value: odd });

/** The JSON text of `value` in which one to three values, however deep, are others or gone. */
export function alteredJson(value: unknown): Arbitrary<string> {
  const text = JSON.stringify(value);
  return array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const copy: unknown = JSON.parse(text);
    const places = placesIn(copy);
    for (const { at, remove, value: other } of changes) {
      const found = places[at % places.length];
      if (!found) continue;
      if (remove) Reflect.deleteProperty(found.parent, found.key);
      else Reflect.set(found.parent, found.key, other);
    }
    return JSON.stringify(copy);
  });
}

/** The place of each inner value, however deep: the object that holds it, and its key. */
export function placesIn(value: unknown): readonly { readonly parent: object; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ parent: value, key }, ...placesIn(inner)]);
}
