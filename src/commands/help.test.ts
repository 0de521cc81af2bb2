// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Each --help ends with lines that can be typed as they are, and with the exit codes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapscope } from '../../test/agent/serve-process.ts';

test('each command has examples with flags that it knows, and exit codes', async () => {
  const { stdout: list } = await tapscope(['--help']);
  const names = [...list.matchAll(/^ {2}([a-z]+) .*$/gm)].flatMap(([, name = '']) => (name === 'help' ? [] : [name]));
  assert.ok(names.includes('serve') && names.includes('completion'), list);
  assert.match(list, /\nPackets are lost\? As root: 'tapscope check' /);
  for (const name of names) {
    const { code, stdout } = await tapscope([name, '--help']);
    assert.equal(code, 0, name);
    const [options = '', after = ''] = stdout.split('\nExamples:\n');
    const [examples = '', codes = ''] = after.split('\n\nExit codes:\n');
    assert.match(codes, /^ {2}0 {2}\S.*\n(?: {2}[123] {2}\S.*\n)+$/, stdout);
    const lines = examples.split('\n').map((row) => /^ {2}tapscope (\S.*?) {2,}\S/.exec(row)?.[1]);
    for (const line of lines) {
      assert.ok(line?.split(' ')[0] === name, `${name}: ${examples}`);
      for (const [, flag] of line.matchAll(/ (--?[a-z][\w.-]*)/g))
        assert.match(options, new RegExp(`[ ,]${flag}\\b`), `${name} has no ${flag}`);
    }
    assert.ok(
      stdout
        .split('Examples:')[1]
        ?.split('\n')
        .every((row) => row.length <= 80),
      `${name}: wider than 80 columns`,
    );
  }
});
