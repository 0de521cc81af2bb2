// SPDX-License-Identifier: Apache-2.0
// What is equal to what was read before becomes the same object, so that code which keeps something made of it sees that it is the same.
import { isDeepStrictEqual } from 'node:util';

export function sameWhereEqual<Key, Value>(
  before: ReadonlyMap<Key, Value>,
  now: ReadonlyMap<Key, Value>,
): ReadonlyMap<Key, Value> {
  const same = new Map<Key, Value>();
  for (const [key, value] of now) {
    const known = before.get(key);
    same.set(key, known !== undefined && isDeepStrictEqual(known, value) ? known : value);
  }
  return same;
}
