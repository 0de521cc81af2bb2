// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, groff-base, zsh.
// Output of `tapscope completion` in bash, zsh and groff, on a host with a hostile device name.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';
import { tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { RULES } from '../diagnosis/all-rules.ts';

const run = promisify(execFile);
/** A shell that expands it makes the file `expanded`. 15 letters are the most. */
const EVIL = '$(>expanded)';

async function completionFile(t: TestContext, kind: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-completion-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { code, stdout } = await tapscope(['completion', kind]);
  assert.equal(code, 0);
  const file = join(folder, '_tapscope');
  writeFileSync(file, stdout);
  return file;
}

test('bash completes commands, flags, values, rules, and devices without expanding them', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  for (const device of ['tap0', 'tap1', EVIL]) await lab.ip('tuntap add mode tap dev', device);
  const file = await completionFile(t, 'bash');
  // compopt works only while a key is pressed.
  const script = `compopt() { :; }; . ${file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tapscope; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    // A namespace's devices are in its own /sys: ip netns exec mounts it.
    const said = await lab.exec('bash', '-euc', script, 'bash', 'tapscope', ...words);
    return said.split('\n').filter(Boolean);
  };
  assert.deepEqual(await complete('di'), ['diagnose']);
  assert.deepEqual(await complete('top', 'tap'), ['tap0', 'tap1']);
  assert.deepEqual(await complete('top', ''), ['\\$\\(\\>expanded\\)', 'tap0', 'tap1']);
  assert.deepEqual(await complete('report', 'x', '--device', 'tap1'), ['tap1']);
  assert.deepEqual(await complete('diagnose', '--f'), ['--for']);
  assert.deepEqual(await complete('diagnose', '--for', ''), []);
  assert.deepEqual(
    await complete('explain', ''),
    RULES.map(({ name }) => name),
  );
  assert.deepEqual(await complete('completion', ''), ['bash', 'zsh', 'man']);
  assert.deepEqual(await complete('report', 'package.j'), ['package.json']);
  const { stdout } = await run('sh', ['-c', 'ls -d expanded 2>&1 || true']);
  assert.match(stdout, /No such file/);
});

test('zsh completes the same', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  await lab.ip('tuntap add mode tap dev tapfoo');
  const file = await completionFile(t, 'zsh');
  const start = `PS1='> '; autoload -U compinit; compinit -u -D; . ${file}`;
  const zsh = spawn('ip', ['netns', 'exec', lab.name, 'script', '-qefc', 'zsh -f -i', '/dev/null']);
  t.after(() => zsh.kill('SIGKILL'));
  let said = '';
  zsh.stdout.on('data', (text) => {
    said += text;
  });
  zsh.stdin.write(`${start}\necho re''ady\n`);
  for (const [typed, wanted] of [
    ['', /ready/],
    ['tapscope diag\t', /tapscope diagnose/],
    ['tapscope top tapf\t', /tapscope top tapfoo/],
    ['tapscope explain txq\t', /tapscope explain txqlen-zero/],
    ['tapscope completion m\t', /tapscope completion man/],
  ] as const) {
    const before = said.length;
    zsh.stdin.write(typed);
    const shown = (): string => stripVTControlCharacters(typed === '' ? said : said.slice(before)).replaceAll('\b', '');
    for (let i = 0; i < 200 && !wanted.test(shown()); i++) await wait(50);
    assert.match(shown(), wanted);
    zsh.stdin.write('\u0015');
  }
});

test('the manual page has every command and flag, and groff has nothing to say', { skip: noLab }, async (t) => {
  const file = await completionFile(t, 'man');
  const { stdout, stderr } = await run('groff', ['-man', '-Tutf8', '-ww', '-P-cbou', '-rLL=500n', file]);
  assert.equal(stderr, '');
  const { stdout: help } = await tapscope(['diagnose', '--help']);
  const flags = help.match(/--[\w.-]+/g) ?? [];
  assert.ok(flags.length > 5);
  for (const words of [
    ...flags.filter((flag) => flag !== '--help'),
    'tapscope top [device]',
    'EXIT STATUS',
    'NO_COLOR',
  ])
    assert.ok(stdout.includes(words), `${words}\n${stdout}`);
});
