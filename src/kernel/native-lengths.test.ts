// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What the addon refuses before anything is read, written or given up: messages of a wrong length, and capabilities that are none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../addon/test/fixture.ts';
import { netlinkRequest } from './native.ts';
import { keepCapabilities } from './processes/native-processes.ts';

const HEADER = 16;

function message(bytes: number, says: number): Uint8Array {
  const made = new Uint8Array(bytes);
  if (bytes >= 4) new DataView(made.buffer).setUint32(0, says, true);
  return made;
}

const LIES = [
  [0, 0],
  [4, 4],
  [HEADER - 1, HEADER - 1],
  [HEADER, 0],
  [HEADER, HEADER + 1],
  [32, HEADER],
  [32, 2 ** 31],
  [32, 2 ** 32 - 1],
] as const;

for (const [bytes, says] of LIES)
  test(`a netlink message of ${bytes} bytes that says ${says} is not sent`, async () => {
    const refused = new RegExp(`^send a netlink message: Invalid argument\nit has ${bytes} bytes, and says \\d+$`);
    await assert.rejects(netlinkRequest(undefined, message(bytes, says)), failure('EINVAL', refused));
  });

test('a number that is no capability drops none', () => {
  for (const number of [64, 2 ** 31, 2 ** 32 - 1])
    assert.throws(() => keepCapabilities([number]), failure('EINVAL', /^keep capability \d+: Invalid argument$/));
});
