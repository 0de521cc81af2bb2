// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, patience.
// tapscope demo as built: real faults, each found by its rule, and nothing that is left behind.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { begin, startAgent, tapscope } from '../test/agent/serve-process.ts';
import { noLab } from '../test/host/netns.ts';

test('every fault is played, and found by its rule', { skip: noLab }, async () => {
  const { code, stdout, stderr } = await tapscope(['demo']);
  assert.equal(code, 0, stdout + stderr);
  const told = ['reader-stalled', 'ring-full-burst', 'reader-(?:cpu-bound|starved)', 'txqlen-zero', 'no-reader'];
  for (const [index, rule] of told.entries())
    assert.match(
      stdout,
      new RegExp(
        `^Fault ${index + 1} of 5, [^]*?# tapscope check vnet${index}\n(?:CRITICAL|WARNING): vnet${index} [^]*?\n# tapscope diagnose vnet${index}\n[^]*?^${rule}, vnet${index} `,
        'm',
      ),
    );
  assert.match(stdout, /\n5 faults played, each found by its rule\. /);
  assert.match(stderr, /^Makes taps in a network namespace of its own for about 45 s, and leaves nothing behind/);
});

test('one fault, and its name in the sentence that refuses another', { skip: noLab }, async () => {
  const one = await tapscope(['demo', '--fault', 'txqlen-zero']);
  assert.equal(one.code, 0, one.stdout + one.stderr);
  assert.match(one.stdout, /^Fault 1 of 1, txqlen-zero: /);
  assert.match(one.stdout, /\n1 fault played, each found by its rule\. /);
  const none = await tapscope(['demo', '--fault', 'nothing']);
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(none.stderr, /^tapscope: --fault=nothing is unknown; write one of: reader-stalled, .*, no-reader\.\n$/);
});

test('beside an agent: its page is named, and it is asked', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const { code, stdout, stderr } = await tapscope(['demo', '--fault', 'no-reader', '--socket', agent.socket]);
  assert.equal(code, 0, stdout + stderr);
  assert.ok(
    stderr.includes(`The agent (pid ${agent.pid}) sees these taps too: its alerts may fire. Its page: http://`),
  );
  assert.match(stdout, new RegExp(`agent +.*pid ${agent.pid}`));
});

/** The program that plays: it holds the taps, and their namespace ends with it. */
async function playerOf(pid: number): Promise<number> {
  for (;;) {
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')) {
      if (!child || readFileSync(`/proc/${child}/comm`, 'utf8') !== 'demo-reader\n') continue;
      if (readlinkSync(`/proc/${child}/ns/net`) !== readlinkSync('/proc/self/ns/net')) return Number(child);
    }
    await wait(20);
  }
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', null],
] as const)
  test(`${signal} ends it, and the taps with it`, { skip: noLab }, async (t) => {
    const demo = begin(['demo']);
    t.after(() => demo.signal('SIGKILL'));
    await demo.says(/leaves nothing behind/);
    const player = await playerOf(demo.pid);
    demo.signal(signal);
    const { code, stdout, stderr } = await demo.end;
    assert.deepEqual([code, stdout], [expected, ''], stderr);
    if (expected !== null) assert.match(stderr, /\nInterrupted: the taps are gone\.\n$/);
    // After SIGKILL the kernel ends the program, some moments later.
    while (existsSync(`/proc/${player}`)) await wait(20);
  });

test('without root: one sentence', { skip: noLab }, async () => {
  const { code, stdout, stderr } = await tapscope(['demo'], {
    wrapper: ['setpriv', '--reuid=65534', '--clear-groups'],
  });
  assert.deepEqual(
    [code, stdout, stderr],
    [1, '', 'tapscope: tapscope demo makes taps and loads BPF programs: run it as root.\n'],
  );
});
