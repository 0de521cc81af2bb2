// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, openssl, alone.
// How `tapscope drops` ends: always with a summary; where it cannot begin, with one sentence.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const SUMMARY =
  /\d+ packets? lost in [\d.]+ s[.:]\n(?:.*\n)*This process took [\d.]+ % of one CPU\. Its probes cost .* they are detached now\.\n$/;

test('--for ends it, -c ends it after so many lines', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1);
  const timed = await tapscope(['drops', 'tap0', '--netns', lab.name, '--for', '0.3']);
  assert.equal(timed.code, 0);
  assert.match(timed.stdout, /^TIME .*\n$/);
  assert.match(timed.stderr, SUMMARY);
  const counted = tapscope(['drops', 'tap0', '--netns', lab.name, '--packets', '-c', '3', '--json']);
  let ended = false;
  void counted.then(() => {
    ended = true;
  });
  while (!ended) await testReader.udp(peer, 9, 5, 64);
  const lines = (await counted).stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).type).filter((type) => type === 'packet'),
    ['packet', 'packet', 'packet'],
  );
});

test('a reader of its lines that goes away', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1);
  const wrapper = ['bash', '-c', '"$@" | head -n 1; exit "$PIPESTATUS"', 'bash'];
  const piped = tapscope(['drops', 'tap0', '--netns', lab.name, '--follow'], { wrapper });
  let ended = false;
  void piped.then(() => {
    ended = true;
  });
  while (!ended) await testReader.udp(peer, 9, 5, 64);
  const { code, stdout, stderr } = await piped;
  assert.deepEqual([code, stdout.split('\n').length], [0, 2]);
  assert.match(stderr, SUMMARY);
});

test('a terminal of 20 columns without colours, and a name that is none', { skip: noLab }, async () => {
  const wrapper = ['env', 'NO_COLOR=1', 'COLUMNS=20', 'TERM=dumb'];
  const { code, stdout, stderr } = await tapscope(['drops', '--for', '1', '--stack'], { wrapper });
  assert.equal(code, 0);
  assert.ok(!(stdout + stderr).includes('\u001b'));
});

test('what cannot be followed is one sentence', { skip: noLab }, async (t) => {
  const hidden = join(temporaryFolder(t), 'kallsyms');
  writeFileSync(hidden, '0000000000000000 T tun_net_xmit\n');
  const covered = (file: string, by: string): readonly string[] => [
    'unshare',
    '-m',
    'sh',
    '-c',
    `mount --bind ${by} ${file} && exec "$@"`,
    'sh',
  ];
  const unprivileged = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
  for (const [args, wrapper, words] of [
    [['no-such-tap'], [], /No tun, tap or macvtap device named no-such-tap is on this host; /],
    [['--netns', 'nowhere'], [], /No tun, tap or macvtap device in namespace nowhere is on this host; /],
    [['--vm', 'none', '--process', '1'], [], /of VM none held by process 1 is on this host; /],
    [['--reason', 'BAD_LUCK'], [], /This kernel has no drop reason BAD_LUCK; /],
    [['--for', 'ever'], [], /--for=ever is not a time/],
    [[], unprivileged, /Losses cannot be followed: .*(root|CAP_)/],
    [[], covered('/sys/kernel/btf/vmlinux', '/dev/null'), /Losses cannot be followed: .*CONFIG_DEBUG_INFO_BTF/],
    [['--stack'], covered('/proc/kallsyms', hidden), /Losses cannot be followed: .*CAP_SYSLOG/],
  ] as const) {
    const { code, stdout, stderr } = await tapscope(['drops', ...args], { wrapper });
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /^tapscope: [^\n]*\.\n$/);
    assert.match(stderr, words);
  }
});
