// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The agent's lock in folders that another user prepared, held by real processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { until } from '../../test/host/until.ts';
import { agentPid, claimHost, holderOf } from './agent-lock.ts';

const TENANT = 65_534;
const noRoot = process.getuid?.() === 0 ? false : 'needs root, to act as another user';
const noWarning = (error: Error): never => assert.fail(error.message);

/** A process of user `uid` that holds the lock of `path` until the test ends. */
async function holder(t: TestContext, path: string, uid = 0): Promise<number> {
  const child = spawn('flock', ['--exclusive', '--no-fork', path, 'sh', '-c', 'echo; exec sleep 600'], { uid });
  t.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid ?? 0;
}

function claim(t: TestContext, path: string): void {
  const lock = claimHost(noWarning, path);
  t.after(lock.close);
  assert.equal(lock.missing, undefined);
}

test('the holder is found in the list of the kernel by device and inode', () => {
  const locks = [
    '1: POSIX  ADVISORY  WRITE 11 00:19:77 0 EOF',
    '2: FLOCK  ADVISORY  WRITE 12 00:19:77 0 EOF',
    '2: -> FLOCK  ADVISORY  WRITE 13 00:19:77 0 EOF',
    '3: FLOCK  ADVISORY  WRITE 14 103:100:77 0 EOF',
  ].join('\n');
  assert.equal(holderOf(locks, 0x19n, 77n), 12);
  // Major 259, minor 256, as stat(2) packs them.
  assert.equal(holderOf(locks, (0x103n << 8n) | (0x100n << 12n), 77n), 14);
  assert.equal(holderOf(locks, 0x103n << 8n, 77n), undefined);
  assert.equal(holderOf(locks, 0x19n, 78n), undefined);
});

test('a second agent is refused with the process of the first, and starts when that was killed', async (t) => {
  const path = join(temporaryFolder(t), 'run', 'lock');
  claimHost(noWarning, path).close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  const pid = await holder(t, path);
  assert.equal(agentPid(path), pid);
  assert.throws(
    () => claimHost(noWarning, path),
    new RegExp(`^Error: Another tapscope agent runs on this host \\(pid ${pid}\\), [^\\n]*\\.$`),
  );
  process.kill(pid, 'SIGKILL');
  await until(() => agentPid(path) === undefined);
  claim(t, path);
  assert.equal(agentPid(path), process.pid);
});

test('a lock that was removed is taken again within seconds', async (t) => {
  const path = join(temporaryFolder(t), 'run', 'lock');
  claim(t, path);
  rmSync(join(path, '..'), { recursive: true });
  await until(() => agentPid(path) === process.pid);
  assert.throws(() => claimHost(noWarning, path), /Another tapscope agent runs/);
});

test('a folder of another user, a link and a file are refused in one sentence', { skip: noRoot }, (t) => {
  const folder = temporaryFolder(t);
  const refused = (name: string, words: RegExp): void =>
    assert.throws(() => claimHost(noWarning, join(folder, name, 'lock')), words);
  mkdirSync(join(folder, 'tenant'));
  chownSync(join(folder, 'tenant'), TENANT, TENANT);
  refused('tenant', /^Error: [^\n]*\/tenant belongs to user 65534, [^\n]*rm -r [^\n]*\.$/);
  symlinkSync('tenant', join(folder, 'link'));
  refused('link', /^Error: [^\n]*\/link is a symbolic link, [^\n]*\.$/);
  writeFileSync(join(folder, 'file'), '');
  refused('file', /^Error: [^\n]*\/file is no directory, [^\n]*\.$/);
  assert.ok(!existsSync(join(folder, 'tenant', 'lock')));
});

test('a folder that was open is closed, and what a tenant left in it does not count', { skip: noRoot }, async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const prepare: readonly ((lock: string) => unknown)[] = [
    async (lock) => {
      writeFileSync(lock, '');
      chownSync(lock, TENANT, TENANT);
      await holder(t, lock, TENANT);
    },
    async (lock) => {
      writeFileSync(lock, '', { mode: 0o644 });
      await holder(t, lock, TENANT);
    },
    (lock) => symlinkSync('/etc/hostname', lock),
    (lock) => mkdirSync(lock),
  ];
  for (const [index, leave] of prepare.entries()) {
    const lock = join(folder, `run${index}`, 'lock');
    mkdirSync(join(lock, '..'));
    chmodSync(join(lock, '..'), 0o1777);
    await leave(lock);
    claim(t, lock);
    assert.equal(agentPid(lock), process.pid);
    assert.equal(statSync(join(lock, '..')).mode & 0o777, 0o700);
  }
});

test("the service's own user and root find each other's lock", { skip: noRoot }, async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  chownSync(join(path, '..'), 61_200, 61_200);
  writeFileSync(path, '', { mode: 0o600 });
  chownSync(path, 61_200, 61_200);
  const pid = await holder(t, path, 61_200);
  assert.throws(() => claimHost(noWarning, path), new RegExp(`\\(pid ${pid}\\)`));
});
