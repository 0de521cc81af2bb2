// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meantOption } from './meant-option.ts';

test('an option with its value is compared without it', () => {
  const options = ['--json', '--web.listen-address', '--web.config.file'];
  const meant = (word: string): string => meantOption(`error: unknown option '${word}'`, options);
  assert.equal(meant('--web.listen-adress=:1'), '(Did you mean --web.listen-address?)\n');
  assert.equal(meant('--jsno=yes'), '(Did you mean --json?)\n');
  assert.equal(meant('--nothing-like-it=1'), '');
  assert.equal(meant('--jsno'), '', 'commander says so itself');
});
