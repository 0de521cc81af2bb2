// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { packageFile } from '../package.ts';
import { withoutAtomics } from './atomics.ts';

const FILES = ['dist/bpf/tapscope.bpf.o', 'dist/bpf/follow.bpf.o', 'dist/bpf/frames.bpf.o', 'dist/bpf/ways.bpf.o'].map(
  (name) => packageFile(name) ?? '',
);

/** Instructions of 8 bytes at which two files differ, as bytes of the first. */
function changes(before: Uint8Array, after: Uint8Array): readonly Buffer[] {
  const [one, other] = [Buffer.from(before), Buffer.from(after)];
  return Array.from({ length: one.length / 8 }, (_, i) => one.subarray(8 * i, 8 * i + 8)).filter(
    (instruction, i) => !instruction.equals(other.subarray(8 * i, 8 * i + 8)),
  );
}

test('each atomic operation but the plain addition is taken out, and nothing else', () => {
  for (const file of FILES) {
    const before = readFileSync(file);
    const after = withoutAtomics(before);
    assert.equal(after.length, before.length);
    const taken = changes(before, after);
    for (const instruction of taken) {
      assert.ok(instruction[0] === 0xc3 || instruction[0] === 0xdb, instruction.toString('hex'));
      assert.notEqual(instruction.readInt32LE(4), 0, 'a plain addition is known to every kernel');
    }
    assert.ok(!file.includes('tapscope.bpf') || taken.length > 50, `${taken.length} of ${file}`);
    assert.deepEqual(changes(after, withoutAtomics(after)), []);
  }
});
