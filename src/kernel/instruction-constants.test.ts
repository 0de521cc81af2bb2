// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { withConstants } from './instruction-constants.ts';

const OBJECT = 'dist/bpf/tapscope.bpf.o';
/** ROWS_MASK_PLACE of bpf/rows/queue.bpf.h. */
const ROWS_MASK_PLACE = 0x6d61736b;
const NONE_HAS = 0x12345678;

test('a number is written into each instruction that has its place, and nowhere else', () => {
  const built = readFileSync(OBJECT);
  const written = Buffer.from(withConstants(built, new Map([[ROWS_MASK_PLACE, 0x3fffffff]])));
  const differing = [...built].flatMap((byte, at) => (byte === written[at] ? [] : [at]));
  assert.ok(differing.length > 100);
  assert.ok(differing.every((at) => at % 8 >= 4));
  assert.equal(written.indexOf(Buffer.from([0x6b, 0x73, 0x61, 0x6d])), -1);
  assert.deepEqual(withConstants(written, new Map([[0x3fffffff, ROWS_MASK_PLACE]])), built);
});

test('an object without the place is not loaded', () => {
  assert.throws(
    () => withConstants(readFileSync(OBJECT), new Map([[NONE_HAS, 1]])),
    /has no instruction with the number 0x12345678\. Run 'npm start'/,
  );
});

test('what is always below has the comparison turned round, for the verifier cannot know of the highest number', () => {
  const file = Buffer.concat([21, 22, 23].map((place) => branch(0xa5, place)));
  const never = [21, 0] as const;
  const always = [22, -1] as const;
  const sometimes = [23, 7] as const;
  const expected = [branch(0xa5, 0), branch(0x35, 0), branch(0xa5, 7)];
  assert.deepEqual(withConstants(file, new Map([never, always, sometimes])), Buffer.concat(expected));
});

/** `if r1 OPERATION immediate goto +2` */
function branch(operation: number, immediate: number): Buffer {
  const bytes = Buffer.from([operation, 1, 2, 0, 0, 0, 0, 0]);
  bytes.writeInt32LE(immediate, 4);
  return bytes;
}
