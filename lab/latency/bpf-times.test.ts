// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { sumOf, timesOf } from './bpf-times.ts';

test('what libbpf only tries is time, and no program', () => {
  const lines = [
    '5 100000  2',
    '5 200000 try_tracing 2',
    '0 900000 - 0',
    '5 3000000 dropped_typed 12700',
    '28 15500000 - 0',
  ];
  const sum = sumOf(timesOf(`${lines.join('\n')}\n`));
  assert.deepEqual(sum, { programs: 1, verified: 12_704, verifierMs: 3.3, attachMs: 15.5 });
});

test('a line that is not whole is no time', () => {
  assert.deepEqual(timesOf('5 100000 dropped_typed'), []);
});
