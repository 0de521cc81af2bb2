// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Names that tenants chose, of devices, programs, VMs and pods: none drives a terminal or forges a line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapedJson, parseVisible, visible, visibleLines } from './visible.ts';

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const names = [
  'tap0',
  'ключ-é€\u{1f600}',
  'back\\slash',
  'a\u001b[2J',
  'a\\x1b[2J',
  'a\\x5cx1b[2J',
  'a\\\u001b',
  'a\\\\x1b',
  '\u009b2J',
  'x\u202ey',
  'x\\u{202e}y',
  'unit\\x2d1.scope',
  'line\nbreak',
  'line\\x0abreak',
  'nul\0',
  'a\u2028b\u2029c',
  'tag\u{e0041}',
  'quote"\r',
];

test('text for people loses them', () => {
  for (const name of names) assert.doesNotMatch(visible(name), HIDDEN);
  assert.equal(visibleLines('a\u001b\nb'), 'a\u{fffd}\nb');
});

test('JSON says the same, without them', () => {
  const json = escapedJson(JSON.stringify(names));
  assert.doesNotMatch(json, HIDDEN);
  assert.deepEqual(JSON.parse(json), names);
});

test('JSON of a process that is not trusted: no text and no name of a field drives a terminal, whichever way they are written', () => {
  const json = `{"a\\u001b":["\\u001b]0;x\\u0007","a\\rb\\bc\\f","\u009b2J","\u202e","two\\nlines","\\\\x1b",1.5,null]}`;
  assert.deepEqual(parseVisible(json), {
    'a\ufffd': ['\ufffd]0;x\ufffd', 'a\ufffdb\ufffdc\ufffd', '\ufffd2J', '\ufffd', 'two\nlines', '\\x1b', 1.5, null],
  });
  assert.deepEqual(parseVisible('{"__proto__":{"isRoot":true},"a":"\\u001b"}').isRoot, undefined);
  assert.throws(() => parseVisible('\u001b]0;x'), SyntaxError);
});
