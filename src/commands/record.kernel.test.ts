// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope record` and `report` as built: what a recording says is what diagnose says, and names are hidden.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

test('a recording of a stopped reader has the findings that diagnose makes meanwhile', { skip: noLab }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-record-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lab = await namespaceLab(t);
  const reader = await lab.testReader('qemu-system-x86_64', '-name', 'guest=secret');
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  const sender = await lab.testReader();
  reader.signal('SIGSTOP');
  const both = Promise.all([
    tapscope(['record', '--for', '8', '-o', join(folder, 'hidden')]),
    tapscope(['record', '--for', '8', '-o', join(folder, 'open'), '--addresses']),
    tapscope(['diagnose', '--netns', lab.name, '--for', '8', '--json']),
  ]);
  let isDone = false;
  void both.finally(() => {
    isDone = true;
  });
  while (!isDone) await Promise.all([sender.udp(peer, 9, 100, 64), wait(50)]);
  const [hidden, open, diagnosed] = await both;
  assert.deepEqual([hidden.code, open.code], [0, 0], hidden.stderr + open.stderr);
  assert.deepEqual(readdirSync(folder).sort(), ['hidden', 'open']);

  const rules = (json: string): readonly string[] =>
    listAt(parseJson(json), 'findings')
      .filter((finding) => at(finding, 'netns') === lab.inode)
      .map((finding) => `${textAt(finding, 'severity')} ${textAt(finding, 'rule')}`);
  const live = rules(diagnosed.stdout);
  assert.ok(live.length > 0);
  const foreign = await tapscope(['report', join(folder, 'hidden'), '--device', 'tap9']);
  assert.deepEqual([foreign.code, foreign.stdout], [3, '']);
  assert.match(foreign.stderr, /^tapscope: No tun, tap or macvtap device named tap9.*\n$/);
  for (const name of ['hidden', 'open']) {
    const report = await tapscope(['report', join(folder, name), '--netns', String(lab.inode), '--json']);
    assert.deepEqual([report.code, rules(report.stdout)], [diagnosed.code, live]);
    const text = gunzipSync(readFileSync(join(folder, name))).toString();
    for (const secret of ['secret', lab.name]) assert.equal(text.includes(secret), name === 'open', secret);
  }
});

test('what cannot be recorded or reported is one sentence', { skip: noLab }, async () => {
  for (const [args, code, words] of [
    [
      ['record', '--for', '3', '-o', '/no-such-folder/x'],
      1,
      /^tapscope: \/no-such-folder\/x cannot be written \(ENOENT.*\n$/,
    ],
    [['record', '--for', '1', '-o', 'x'], 1, /^tapscope: --for=1 is not a time.*\n$/],
    [['record'], 1, /required option/],
    [['report', '/etc/passwd'], 3, /^tapscope: \/etc\/passwd is not a recording of tapscope\.\n$/],
    [['report'], 3, /missing required argument/],
  ] as const) {
    const said = await tapscope(args);
    assert.deepEqual([said.code, said.stdout], [code, ''], args.join(' '));
    assert.match(said.stderr, words);
  }
});
