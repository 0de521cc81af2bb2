// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Names of real processes, through looks that do not find them, renames and their end.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { until } from '../../test/host/until.ts';
import { parseStat } from '../kernel/process-text.ts';
import { Identities, type Observed } from './identities.ts';

/** A process by the command line of a VM. It takes a line, and then has another name. */
async function vm(t: TestContext, name: string): Promise<{ child: ChildProcess; observed: Observed }> {
  const program = 'echo; while read -r comm; do printf %s "$comm" > /proc/$$/comm; echo; done';
  const child = spawn('/bin/sh', ['-c', program, '-name', `guest=${name},debug-threads=on`], {
    argv0: '/usr/bin/qemu-system-x86_64',
  });
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.stdout && child.pid);
  await once(child.stdout, 'data');
  const startedTicks = parseStat(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))?.startedTicks;
  return { child, observed: { pid: child.pid, startedTicks } };
}

test('one sample that does not find a VM does not take its name; its end does', async (t) => {
  const { child, observed } = await vm(t, 'vm1');
  const identities = new Identities();
  await identities.refresh([observed]);
  assert.equal(identities.of(observed)?.vm, 'vm1');
  await identities.refresh([]);
  assert.equal(identities.of(observed)?.vm, 'vm1', 'at once when it is found again');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await identities.refresh([]);
  assert.equal(identities.of(observed), undefined);
});

test('a process that renames itself keeps its name at each moment', async (t) => {
  const { child, observed } = await vm(t, 'vm2');
  const identities = new Identities(undefined, 0); // looked at again each time
  await identities.refresh([observed]);
  for (let round = 0; round < 20; round++) {
    child.stdin?.write(`qemu ${round}\n`);
    const looking = identities.refresh([observed]);
    assert.equal(identities.of(observed)?.vm, 'vm2');
    await looking;
    assert.equal(identities.of(observed)?.vm, 'vm2');
  }
});

test('another program under the number has no name of the one before', async (t) => {
  const { observed } = await vm(t, 'vm3');
  const identities = new Identities();
  await identities.refresh([observed]);
  const next = { pid: observed.pid, startedTicks: (observed.startedTicks ?? 0) + 1 };
  await identities.refresh([next]);
  assert.equal(identities.of(next), undefined);
});

test('a name that the program of an exec brings replaces the one before', async (t) => {
  const child = spawn('/bin/bash', ['-c', 'echo; read -r _; exec -a openvpn sleep 100'], {
    argv0: 'qemu-system-x86_64',
  });
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.stdout && child.pid);
  await once(child.stdout, 'data');
  const observed = { pid: child.pid, startedTicks: undefined };
  const identities = new Identities(undefined, 0);
  await identities.refresh([observed]);
  assert.equal(identities.of(observed)?.program, 'qemu');
  child.stdin?.write('\n');
  await until(async () => {
    await identities.refresh([observed]);
    return identities.of(observed)?.program === 'openvpn';
  });
  assert.equal(identities.of(observed)?.program, 'openvpn');
});

test('a process that the kernel says is the same is not read again', async (t) => {
  const { child, observed } = await vm(t, 'vm4');
  const identities = new Identities(undefined, 0);
  const same = { ...observed, sameAs: 'one stack, one set of cgroups' };
  await identities.refresh([same]);
  const before = identities.version;
  child.stdin?.write('renamed\n');
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  await identities.refresh([same]);
  assert.equal(identities.version, before);
  await identities.refresh([{ ...observed, sameAs: 'another stack' }]);
  assert.ok(identities.version > before, 'what may be another is');
});
