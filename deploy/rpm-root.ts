// SPDX-License-Identifier: Apache-2.0
// The RPM, as far as it can be judged without EL: rpmlint, the libraries that it asks for, and rpm in a bare Debian that has these libraries and Node.js.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startInside } from '../test/debian/bare-root.ts';
import { freePort } from '../test/host/free-port.ts';
import { pack } from './sums.ts';

const project = join(import.meta.dirname, '..');
/** The libraries of EL 9: glibc 2.34, and GCC 11's libstdc++. */
const NEWEST = { GLIBC: '2.34', GLIBCXX: '3.4.29' };

/** Builds the RPM, twice the same, installs it in the root, asks it for a metric, and removes it. */
export async function rpmServes(t: TestContext, root: string): Promise<void> {
  const packed = pack('rpm');
  assert.deepEqual(pack('rpm'), packed);
  const folder = join(project, 'dist/rpm');
  const path = join(folder, readdirSync(folder)[0] ?? '');
  const linted = spawnSync('rpmlint', ['--config', join(project, 'deploy/rpm/rpmlint.toml'), path], {
    encoding: 'utf8',
  });
  assert.match(linted.stdout, / 0 errors, 0 warnings,/);
  for (const [library, newest] of Object.entries(NEWEST)) assert.equal(newestAskedFor(path, library), newest);
  const rpm = (...words: readonly string[]) =>
    execFileSync('rpm', [`--root=${root}`, '--dbpath=/mnt/rpm', '--nodeps', ...words], { stdio: 'pipe' });
  rpm('--install', path);
  const address = `127.0.0.1:${await freePort()}`;
  const agent = startInside(root, '/', 0, ['tapscope', 'serve', `--web.listen-address=${address}`]);
  t.after(() => agent.kill('SIGKILL'));
  assert.match(await metricsOf(address, () => agent.exitCode !== null), /^tapscope_build_info/m);
  process.kill(-Number(agent.pid), 'SIGTERM');
  if (agent.exitCode === null) await once(agent, 'close');
  rpm('--erase', 'tapscope');
}

/** The newest version of this library's symbols among what the RPM requires. */
function newestAskedFor(path: string, library: string): string | undefined {
  const required = execFileSync('rpm', ['--query', '--package', '--requires', path], { encoding: 'utf8' });
  const versions = [...required.matchAll(new RegExp(`\\(${library}_([\\d.]+)\\)`, 'g'))].map(([, one = '']) => one);
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

async function metricsOf(address: string, hasEnded: () => boolean): Promise<string> {
  for (;;) {
    const answer = await fetch(`http://${address}/metrics`).catch(() => undefined);
    if (answer?.ok) return answer.text();
    assert.ok(!hasEnded(), 'the agent ended');
    await wait(50);
  }
}
