// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { percent, several } from './format.ts';

const SOURCE = join(import.meta.dirname, '..');
const NOUNS = 'packets|drops|queues|frames|writes|reads|devices|ports|groups|addresses|sockets|times';
/** '${count(lost)} packets': with 1 it would say '1 packets'. */
const PLURAL = new RegExp(`[$][{]count[(](?:(?![)]} )[^\n])*[)]} (?:${NOUNS})\\b`, 'g');
/** Where the text itself asks for 1. */
const ASKED = /=== 1 \?/;

test('one is no plural, in no sentence', () => {
  assert.deepEqual(
    [1, 2, 0, 1200, 1.4].map((number) => several(number, 'packet was', 'packets were')),
    ['1 packet was', '2 packets were', '0 packets were', '1 200 packets were', '1 packet was'],
  );
  assert.match(['`$', '{count(new Set(told.map(({ at }) => at)).size)} packets`'].join(''), PLURAL);
  const files = ['diagnosis', 'outputs', 'commands', 'server', 'page'].flatMap((folder) =>
    readdirSync(join(SOURCE, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => `${folder}/${file}`),
  );
  assert.ok(files.length > 150, `${files.length} files`);
  const wrong = files.flatMap((file) =>
    readFileSync(join(SOURCE, file), 'utf8')
      .split('\n')
      .filter((line) => !ASKED.test(line))
      .flatMap((line) => (line.match(PLURAL) ?? []).map((found) => `${file}: ${found}`)),
  );
  assert.deepEqual(wrong, []);
});

test('100 % is all, and 0 % none', () => {
  for (const [share, says] of [
    [0, '0 %'],
    [0.0004, 'under 0.1 %'],
    [0.034, '3.4 %'],
    [0.9949, '99 %'],
    [0.996, '99.6 %'],
    [0.9991, 'over 99.9 %'],
    [1, '100 %'],
  ] as const)
    assert.equal(percent(share), says);
});
