// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import test from 'node:test';
import { mayHaveDriver } from './drivers.ts';

test('a driver that is loaded is known, and one that nobody has is not, where the kernel lists both kinds', () => {
  const isListed = existsSync('/proc/modules') && existsSync(`/lib/modules/${release()}/modules.builtin`);
  const [loaded] = isListed ? readFileSync('/proc/modules', 'utf8').split(' ', 1) : [];
  if (loaded) assert.equal(mayHaveDriver(['no_such_driver', loaded]), true);
  assert.equal(mayHaveDriver(['no_such_driver']), !isListed);
});
