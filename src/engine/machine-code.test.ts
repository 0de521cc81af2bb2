// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { calledFunctions } from './machine-code.ts';

const START = 0xffffffffc0001000n;

test('x86: calls forward and back, and a jump at the end', () => {
  const text = Uint8Array.from([
    ...[0x90, 0xe8, 0xfa, 0x0f, 0x00, 0x00], // at 1: call START + 0x1000
    ...[0xe8, 0xf5, 0xef, 0xff, 0xff], // at 6: call START - 0x1000
    ...[0xe9, 0x00, 0x10, 0x00, 0x00], // at 11: jmp START + 0x1010
    ...[0xe8, 0x00],
  ]);
  const targets = new Map([
    [START + 0x1000n, 'forward'],
    [START - 0x1000n, 'back'],
    [START + 0x1010n, 'tail'],
    [START + 0x2000n, 'never'],
  ]);
  assert.deepEqual([...calledFunctions(text, START, targets, 'x64')], ['forward', 'back', 'tail']);
});

test('arm64: bl and b, in words', () => {
  const words = new DataView(new ArrayBuffer(16));
  words.setUint32(4, 0x94000003, true); // at 4: bl + 12
  words.setUint32(8, 0x17fffffc, true); // at 8: b - 16
  const targets = new Map([
    [START + 16n, 'forward'],
    [START - 8n, 'back'],
    [START + 12n, 'never'],
  ]);
  assert.deepEqual([...calledFunctions(new Uint8Array(words.buffer), START, targets, 'arm64')], ['forward', 'back']);
});

test('another architecture: nothing is known to be called', () => {
  assert.equal(calledFunctions(new Uint8Array(64), START, new Map([[START, 'self']]), 'riscv64').size, 0);
});
