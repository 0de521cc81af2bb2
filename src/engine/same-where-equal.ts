// SPDX-License-Identifier: Apache-2.0
// A value that equals the one read before becomes the same object: code that keeps something made of it need not compare.
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
