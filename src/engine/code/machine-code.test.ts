// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { calledFunctions } from './machine-code.ts';

const START = 0xffffffffc0001000n;
const none = (): undefined => undefined;

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
  assert.deepEqual([...calledFunctions(text, START, targets, none, 'x64')], ['forward', 'back', 'tail']);
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
  assert.deepEqual(
    [...calledFunctions(new Uint8Array(words.buffer), START, targets, none, 'arm64')],
    ['forward', 'back'],
  );
});

test('arm64: a call over a veneer, as the kernel makes it for a module that lies far away', () => {
  const words = new DataView(new ArrayBuffer(8));
  words.setUint32(0, 0x94000400, true); // bl + 4096
  words.setUint32(4, 0x94000403, true); // bl + 4108, from 4: the veneer of another function
  const veneer = (at: bigint): Uint8Array => {
    const code = new DataView(new ArrayBuffer(12));
    // adrp x16, page of at - 0x12345000 or at + 0x12345000
    code.setUint32(0, at === START + 0x1000n ? 0xf0f6e5d0 : 0xb0091a30, true);
    code.setUint32(4, 0x91000210 | (0x678 << 10), true); // add x16, x16, 0x678
    code.setUint32(8, 0xd61f0200, true); // br x16
    return new Uint8Array(code.buffer);
  };
  const targets = new Map([
    [START + 0x1000n - 0x12345000n + 0x678n, 'far back'],
    [START + 0x1000n + 0x12345000n + 0x678n, 'far ahead'],
  ]);
  const text = new Uint8Array(words.buffer);
  assert.deepEqual([...calledFunctions(text, START, targets, veneer, 'arm64')], ['far back', 'far ahead']);
  assert.equal(calledFunctions(text, START, targets, () => new Uint8Array(12), 'arm64').size, 0);
});

test('another architecture: nothing is known to be called', () => {
  assert.equal(calledFunctions(new Uint8Array(64), START, new Map([[START, 'self']]), none, 'riscv64').size, 0);
});
