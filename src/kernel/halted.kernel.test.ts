// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, python3.
// Who keeps a process from running: the real signal, debugger and freezer.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { limitedCgroup, noCgroup } from '../../test/host/cgroup.ts';
import { until } from '../../test/host/until.ts';
import { readHalt } from './halted.ts';

async function sleeper(t: TestContext): Promise<number> {
  const child = spawn('sleep', ['1000']);
  t.after(() => endOf(child));
  await once(child, 'spawn');
  return child.pid ?? assert.fail();
}

/** As a debugger does: PTRACE_ATTACH, until its input ends. */
const ATTACH = 'import ctypes, sys; ctypes.CDLL(None).ptrace(16, int(sys.argv[1]), 0, 0); sys.stdin.read()';

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

test('nobody, then a signal', async (t) => {
  const pid = await sleeper(t);
  assert.equal(await readHalt(pid), undefined);
  process.kill(pid, 'SIGSTOP');
  await until(async () => (await readHalt(pid)) !== undefined);
  assert.deepEqual(await readHalt(pid), { by: 'signal' });
  process.kill(pid, 'SIGCONT');
  await until(async () => (await readHalt(pid)) === undefined);
  assert.equal(await readHalt(pid), undefined);
});

test('a debugger, by its number and name, until it detaches', async (t) => {
  const pid = await sleeper(t);
  const debuggerOf = spawn('python3', ['-c', ATTACH, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.after(() => endOf(debuggerOf));
  await until(async () => (await readHalt(pid)) !== undefined, 20_000);
  assert.deepEqual(await readHalt(pid), { by: 'tracer', tracer: { pid: debuggerOf.pid, comm: 'python3' } });
  debuggerOf.stdin?.end();
  await once(debuggerOf, 'exit');
  process.kill(pid, 'SIGCONT'); // the signal by which it was attached may stop it now
  await until(async () => (await readHalt(pid)) === undefined);
  assert.equal(await readHalt(pid), undefined);
});

test('the freezer', { skip: noCgroup('freezer') }, async (t) => {
  const undo: (() => Promise<unknown>)[] = [];
  const pid = await sleeper(t);
  try {
    limitedCgroup({ after: (one) => undo.push(one) }, pid, 'freezer');
    await until(async () => (await readHalt(pid)) !== undefined);
    assert.deepEqual(await readHalt(pid), { by: 'freezer' });
  } finally {
    for (const one of undo) await one();
  }
  assert.equal(await readHalt(pid), undefined);
});

test('a process that is not there', async () => assert.equal(await readHalt(2 ** 22), undefined));
