// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Output of check and diagnose that only a terminal (of script(1)) gets: colours, hyperlinks, and findings so far.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const TAPSCOPE = `${process.execPath} dist/src/main.js`;

const ERASED = '\u001b[2K';

/** All that reaches the terminal. */
function onTerminal(command: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const { NO_COLOR, ...own } = process.env;
  const options = { env: { ...own, TERM: 'xterm', ...environment }, timeout: 60_000 };
  const args = ['-qec', `stty cols 80; ${TAPSCOPE} ${command}`, '/dev/null'];
  return new Promise((resolve) => void execFile('script', args, options, (_, stdout) => resolve(stdout)));
}

test('diagnose tells what it found so far, and both have links to the rule', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const sender = await lab.testReader();
  const flood = setInterval(() => void sender.udp(peer, 9, 100, 64).catch(() => undefined), 100);
  t.after(() => clearInterval(flood));
  const scope = `tap0 --netns ${lab.inode} --socket=/nonexistent`;
  // Side by side, for most of their time they watch.
  const [diagnosed, checked, ...plains] = await Promise.all([
    onTerminal(`diagnose ${scope} --for 6s`),
    onTerminal(`check ${scope}`),
    ...[{ NO_COLOR: '1' }, { TERM: 'dumb' }].map((environment) =>
      onTerminal(`check ${scope} 2>/dev/null`, environment),
    ),
  ]);
  const lines = diagnosed
    .split('\r')
    .filter((line) => line.includes('watching for'))
    .map((line) => line.replace(ERASED, ''));
  assert.ok(lines.length >= 4, diagnosed);
  assert.match(lines[0] ?? '', /^0 s: watching for 6 s, Ctrl-C judges/);
  assert.match(lines.at(-1) ?? '', /^\d s, [a-z-]+ on tap0 queue 0(?: and \d more)? so far: watching for 6 s, /);
  assert.ok(
    lines.every((line) => line.length < 80),
    lines.join('\n'),
  );
  const rules = pathToFileURL('docs/rules.md').pathname;
  for (const text of [diagnosed, checked]) {
    assert.ok(text.includes('\u001b[1m\u001b[31mCRITICAL:'), JSON.stringify(text));
    assert.match(text, new RegExp(`\u001b\\]8;;file://[^/]+${rules}#([a-z-]+)\u001b\\\\\\1\u001b\\]8;;\u001b\\\\`));
  }
  for (const plain of plains) {
    assert.match(plain, /^CRITICAL: tap0 /);
    assert.ok(!plain.includes('\u001b'), JSON.stringify(plain));
  }
});

test('drops says that it attaches probes, and takes that back', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const said = await onTerminal(`drops tap0 --netns ${lab.inode} --for 1s`);
  assert.ok(said.startsWith(`\r${ERASED}Attaching probes …\r${ERASED}`), JSON.stringify(said));
  assert.match(said, /TIME +DEVICE/);
});
