// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Code that ran at the start is forgotten, and runs again all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapCodeStatistics } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { forgetCode } from './after-start.ts';

const FUNCTIONS = 2000;

const bytecode = (): number => getHeapCodeStatistics().bytecode_and_metadata_size;

test('the bytecode of functions that ran once goes, and they run again', () => {
  const texts = Array.from({ length: FUNCTIONS }, (_, n) => `(x) => { const y = [x, ${n}, x + ${n}]; return y[2]; }`);
  const functions: ((x: number) => number)[] = runInThisContext(`[${texts.join()}]`);
  const run = (): number => functions.reduce((sum, one) => sum + one(1), 0);
  const before = bytecode();
  const sum = run();
  const compiled = bytecode() - before;
  assert.ok(compiled > 100 * FUNCTIONS, `${compiled} bytes were compiled`);
  forgetCode();
  const kept = bytecode() - before;
  assert.ok(kept < compiled / 10, `${kept} of ${compiled} bytes are left`);
  assert.equal(run(), sum);
});
