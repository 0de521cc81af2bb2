// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Counts of a thread, held against what the scheduler itself says of that thread.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { countThreads, since } from './perf-events.ts';

const skip = process.getuid?.() !== 0 && 'needs root';
const SLEEPS = 50;

function switchesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}

/** se.sum_exec_runtime. */
function ranNs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]);
}

/** It has said something and waits in read(), so that nothing moves between two readings. */
async function waitsAgain({ pid, stdout }: ChildProcessWithoutNullStreams): Promise<void> {
  await once(stdout, 'data');
  while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') S ')) await new Promise(setImmediate);
}

test('context switches and CPU time are those of the scheduler', { skip }, async (t) => {
  const shell = spawn('bash', [
    '-c',
    `echo; read; for i in {1..${SLEEPS}}; do read -t 0.002 <> <(:); done; echo done; read`,
  ]);
  t.after(() => shell.kill('SIGKILL'));
  const pid = shell.pid ?? 0;
  await waitsAgain(shell);
  const opened = performance.now();
  const counters = countThreads([pid]);
  t.after(() => counters.close());
  const [switches, ran] = [switchesOf(pid), ranNs(pid)];
  shell.stdin.write('\n');
  await waitsAgain(shell);
  const counts = since(undefined, counters.read());
  assert.equal(counts.contextSwitches, switchesOf(pid) - switches);
  assert.ok((counts.contextSwitches ?? 0) >= SLEEPS);
  // The event goes on while an interrupt or the hypervisor has the CPU; the scheduler does not charge the thread for that.
  const { taskClockNs = 0 } = counts;
  const [charged, passed] = [ranNs(pid) - ran, 1e6 * (performance.now() - opened)];
  assert.ok(taskClockNs > 0.9 * charged && taskClockNs <= passed, `${charged} <= ${taskClockNs} <= ${passed} ns`);
  t.diagnostic(JSON.stringify(counts));
});

test('a thread that is not there, and threads whose counters are added up', { skip }, () => {
  assert.throws(() => countThreads([0x7fffffff]), { code: 'ESRCH' });
  const counters = countThreads([process.pid, process.pid]);
  const one = countThreads([process.pid]);
  for (let i = 0; i < 1e7; i++) Math.sqrt(i);
  const ran = (of: typeof one): number => since(undefined, of.read()).taskClockNs ?? 0;
  const [two, single] = [ran(counters), ran(one)];
  assert.ok(two > 1.5 * single, `${two} of two, ${single} of one`);
  counters.close();
  one.close();
});

test('between two readings a thread runs for no longer than they lie apart', { skip }, () => {
  const counters = countThreads([process.pid]);
  for (let i = 0; i < 1e8; i++) Math.sqrt(i);
  const [began, before] = [performance.now(), counters.read()];
  for (let i = 0; i < 1e7; i++) Math.sqrt(i);
  const { taskClockNs = 0 } = since(before, counters.read());
  const apart = 1e6 * (performance.now() - began);
  counters.close();
  assert.ok(taskClockNs > 0 && taskClockNs <= apart, `${taskClockNs} ns in ${apart} ns`);
});
