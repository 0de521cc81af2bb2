// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// /proc/PID/stat, whose second field may hold anything.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pid, uptime } from 'node:process';
import test from 'node:test';
import { parseStat, readLife, readProcess, unixTimeOf } from './process-text.ts';

const FIELDS = '1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 89 4096 1 184 4194304 4195000 140722 0 0';

test('a name with parentheses, blanks and line breaks', () => {
  assert.deepEqual(parseStat(`7 (a) R (b\n) S ${FIELDS}\n`), {
    life: '89 140722 a) R (b\\x0a',
    startedTicks: 89,
    comm: 'a) R (b\\x0a',
  });
});

function lifeOf(read: Awaited<ReturnType<typeof readLife>>): unknown {
  return typeof read === 'object' ? { life: read.life, startedTicks: read.startedTicks } : read;
}

test('a process that has ended', () => {
  assert.equal(parseStat(`7 (a) Z ${FIELDS}\n`), undefined);
  assert.equal(parseStat(''), undefined);
});

test('this process', async () => {
  const text = await readProcess(pid);
  assert.equal(text?.args.join('\0'), readFileSync('/proc/self/cmdline', 'utf8').replace(/\0$/, ''));
  assert.equal(text?.cgroups, readFileSync('/proc/self/cgroup', 'utf8'));
  assert.deepEqual({ life: text?.life, startedTicks: text?.startedTicks }, lifeOf(await readLife(pid)));
  const age = Date.now() / 1000 - unixTimeOf(text?.startedTicks ?? 0);
  assert.ok(Math.abs(age - uptime()) < 5, `${age} s instead of ${uptime()} s`);
});

test('a process that becomes another program lives another life', async (t) => {
  const child = spawn('sh', ['-c', 'read line; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const before = await readLife(child.pid ?? 0);
  child.stdin.write('\nhere\n');
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.notDeepEqual(await readLife(child.pid ?? 0), before);
  child.kill();
  await once(child, 'exit');
  assert.equal(await readLife(child.pid ?? 0), 'ended');
});
