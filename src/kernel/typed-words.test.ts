// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { typedWords } from './typed-words.ts';

test('bytes that Node loses come from the command line, other words as they are', () => {
  const commandLine = (): string => 'node\0main.js\0top\0\xffa\\xff\0\xef\xbf\xbd\0\0';
  assert.deepEqual(typedWords(['top', '\ufffda\\xff', '\ufffd', ''], commandLine), [
    'top',
    '\\xffa\\x5cxff',
    '\ufffd',
    '',
  ]);
  assert.deepEqual(
    typedWords(['tap0', 'a\\xff'], () => assert.fail('nothing is lost')),
    ['tap0', 'a\\xff'],
  );
});

test('of a real process', () => {
  const file = fileURLToPath(new URL('typed-words.ts', import.meta.url));
  const program = `const { typedWords } = await import(${JSON.stringify(file)}); console.log(JSON.stringify(typedWords(process.argv.slice(1))));`;
  const node = `"${process.execPath}" --import tsx --input-type=module -e "$0"`;
  const said = execFileSync('sh', ['-c', `${node} top "$(printf 'tap\\377')" ''`, program], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(said), ['top', 'tap\\xff', '']);
});
