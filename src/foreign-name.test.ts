// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, integer, oneof, tuple } from 'fast-check';
import { holdsForAll } from '../test/fuzz/property.ts';
import { bytesOfName, nameOf, typedName } from './foreign-name.ts';

const bytes = array(
  oneof(integer({ min: 0, max: 255 }), constantFrom(...Buffer.from('\\xff5c80é€😀\u009b\u202e\u2028\u{e0041}'))),
  {
    maxLength: 15,
  },
);

test('text stays as it is, other bytes are shown', () => {
  for (const name of ['tap0', 'täp', '😀', 'a\\b', 'dev-\\x2d', '\ufffd'])
    assert.equal(nameOf(Buffer.from(name)), name);
  assert.equal(nameOf(Buffer.of(0xff, 0xfe)), '\\xff\\xfe');
  assert.equal(nameOf(Buffer.from('\ufeffa')), '\\xef\\xbb\\xbfa');
  assert.equal(nameOf(Buffer.from('\\xff')), '\\x5cxff');
  assert.equal(nameOf(Buffer.from('\\x5c')), '\\x5cx5c');
  assert.equal(nameOf(Buffer.from('a\u001b[2J\n\u009b\u202e\0')), 'a\\x1b[2J\\x0a\\xc2\\x9b\\xe2\\x80\\xae\\x00');
});

test('what is typed as it is shown, or as it is, is that name', () => {
  for (const [typed, name] of [
    ['tap0', 'tap0'],
    ['a\\x1b', 'a\\x1b'],
    ['a\u001b', 'a\\x1b'],
    ['\\xff', '\\xff'],
    ['\\x5cxff', '\\x5cxff'],
  ])
    assert.equal(typedName(typed ?? ''), name);
});

holdsForAll('each name comes back, so no two are one text', tuple(bytes, bytes), ([one, other]) => {
  assert.deepEqual([...bytesOfName(nameOf(Uint8Array.from(one)))], one);
  if (Buffer.compare(Buffer.from(one), Buffer.from(other)) !== 0)
    assert.notEqual(nameOf(Uint8Array.from(one)), nameOf(Uint8Array.from(other)));
  assert.doesNotMatch(nameOf(Uint8Array.from(one)), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  assert.equal(typedName(nameOf(Uint8Array.from(one))), nameOf(Uint8Array.from(one)));
});
