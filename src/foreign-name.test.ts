// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, integer, oneof, tuple } from 'fast-check';
import { holdsForAll } from '../test/fuzz/property.ts';
import { bytesOfName, nameOf } from './foreign-name.ts';

const bytes = array(oneof(integer({ min: 1, max: 255 }), constantFrom(...Buffer.from('\\xff5c80é€😀'))), {
  maxLength: 15,
});

test('text stays as it is, other bytes are shown', () => {
  for (const name of ['tap0', 'täp', '😀', '\ufeffa', 'a\\b', 'dev-\\x2d', '\ufffd'])
    assert.equal(nameOf(Buffer.from(name)), name);
  assert.equal(nameOf(Buffer.of(0xff, 0xfe)), '\\xff\\xfe');
  assert.equal(nameOf(Buffer.from('\\xff')), '\\x5cxff');
  assert.equal(nameOf(Buffer.from('\\x5c')), '\\x5cx5c');
});

holdsForAll('each name comes back, so no two are one text', tuple(bytes, bytes), ([one, other]) => {
  assert.deepEqual([...bytesOfName(nameOf(Uint8Array.from(one)))], one);
  if (Buffer.compare(Buffer.from(one), Buffer.from(other)) !== 0)
    assert.notEqual(nameOf(Uint8Array.from(one)), nameOf(Uint8Array.from(other)));
});
