// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Patterns that hold a backtracking engine for ever, and those that this one does not know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowness } from '../../test/host/slowness.ts';
import { deviceFilter } from './device-filter.ts';

const WITHIN_MS = 500;

test('no pattern takes longer than its name is long', async () => {
  for (const pattern of ['(a+)+$', '(a|aa)+b', '(a*)*b', '(a|a?)+b', '([a-z]+)*[0-9]', '(.*a){12}b'])
    for (const name of [`${'a'.repeat(14)}!`, `${'a'.repeat(60)}!`]) {
      const shows = deviceFilter(pattern, undefined);
      const began = performance.now();
      assert.equal(shows(name), false);
      const took = performance.now() - began;
      if (took > WITHIN_MS) assert.ok(took < WITHIN_MS * (await slowness()), `${pattern}: ${took} ms`);
    }
});

test('it matches whole names', () => {
  const shows = deviceFilter('tap.*|vnet\\d+', 'tap1');
  assert.deepEqual(['tap0', 'tap1', 'tap10', 'vnet7', 'xvnet7', 'vnet7x', 'täp'].map(shows), [
    true,
    false,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('what the engine does not know is one sentence', () => {
  for (const pattern of ['(?!tap)', '(a)\\1', '[', '(a|b', 'x{2000}'])
    assert.throws(
      () => deviceFilter(undefined, pattern),
      /^Error: --device-exclude=.* is not a regular expression of RE2.*\.$/,
    );
});
