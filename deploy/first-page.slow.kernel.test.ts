// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, root on this machine's kernel, debootstrap, debhelper, git.
// The packages as a newcomer meets them: a bare Debian, the commands of docs/install.md, and how long it takes to the first metric and page.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { copyNode, makeBareRoot, type Suite, startInside, whyNoBareRoot } from '../test/debian/bare-root.ts';
import { freePort } from '../test/host/free-port.ts';
import { slowness } from '../test/host/slowness.ts';

const project = join(import.meta.dirname, '..');
const FIRST_PAGE_MS = 5000;

interface Way {
  readonly name: string;
  readonly suite: Suite;
  /** The root already has npm, which is not Debian's. */
  readonly hasNpm: boolean;
  readonly commands: readonly string[];
}

const NPM_COMMANDS = [
  'sha256sum --check --ignore-missing SHA256SUMS',
  'npm install -g --offline ./tapscope-*-linux-*.tgz',
];
const OLD_NODE = `apt-get -q update && apt-get -q install -y --no-install-recommends nodejs
  PATH=/usr/bin:$PATH $(command -v tapscope) check; [ $? = 3 ]`;

// Debian 12 has Node.js 18, which is too old: there tapscope-node brings another one.
const ways: readonly Way[] = [
  { name: 'Debian 12, deb', suite: 'bookworm', hasNpm: false, commands: ['apt-get install -y /mnt/tapscope*.deb'] },
  // Debian's own Node.js has parts of itself in other files, and its libuv an io_uring.
  { name: 'Debian 13, deb', suite: 'trixie', hasNpm: false, commands: ['apt-get install -y /mnt/tapscope_*.deb'] },
  ...(['bookworm', 'trixie'] as const).map((suite) => ({
    name: `Debian ${suite === 'trixie' ? 13 : 12}, npm tarball`,
    suite,
    hasNpm: true,
    commands: NPM_COMMANDS,
  })),
  {
    name: 'Debian 13 with its own Node.js, npm tarball',
    suite: 'trixie',
    hasNpm: true,
    commands: [
      'apt-get -q update && apt-get -q install -y --no-install-recommends nodejs && rm /usr/local/bin/node',
      ...NPM_COMMANDS,
    ],
  },
];

// A test that is interrupted cleans up as well.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

test('the packages in bare roots', { skip: whyNoBareRoot() }, async (t) => {
  execFileSync('npm', ['run', 'deb'], { cwd: project, stdio: 'pipe' });
  execFileSync('node', ['deploy/release.mjs', '--no-audit', '--no-cross', '--no-deb', '--no-rpm', '--no-image'], {
    cwd: project,
    stdio: 'pipe',
  });
  for (const way of ways) await t.test(way.name, (t) => firstPage(t, way));
});

/** The Node.js of Debian 12 is too old. */
async function refusesOldNode(root: string): Promise<void> {
  assert.match(
    await typed(root, OLD_NODE),
    /^tapscope needs Node 20\.19 or newer and this is 18\.[\d.]+ \(\/usr\/bin\/node\): install a newer one/m,
  );
}

async function firstPage(t: TestContext, { suite, hasNpm, commands }: Way): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'tapscope-first-'));
  const remove = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  t.after(remove);
  process.prependOnceListener('exit', remove);
  makeBareRoot(root, suite);
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/test'), 'force-unsafe-io\n');
  if (hasNpm) copyNode(root);
  else await typed(root, 'apt-get -q update');
  for (const folder of ['deb', 'release'])
    for (const file of readdirSync(join(project, 'dist', folder)))
      cpSync(join(project, 'dist', folder, file), join(root, 'mnt', file), { recursive: true });
  for (const command of commands) {
    const begun = performance.now();
    await typed(root, command);
    t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${command}`);
  }
  t.diagnostic(`Node.js of the host: ${(await typed(root, 'node --version || echo none')).trim()}`);
  if (hasNpm && suite === 'bookworm') await refusesOldNode(root);
  const address = `127.0.0.1:${await freePort()}`;
  const begun = performance.now();
  const child = startInside(root, '/', 0, ['tapscope', 'serve', `--web.listen-address=${address}`]);
  t.after(() => endGroup(child));
  const said = child.stderr ? text(child.stderr) : Promise.resolve('');
  assert.match(await answerOf(`http://${address}/metrics`, child, said), /^tapscope_build_info/m);
  const metricMs = performance.now() - begun;
  assert.match(await answerOf(`http://${address}/`, child, said), /<title>tapscope<\/title>/);
  const pageMs = performance.now() - begun;
  t.diagnostic(`first metric after ${Math.round(metricMs)} ms, first page after ${Math.round(pageMs)} ms`);
  assert.ok(pageMs < FIRST_PAGE_MS * (await slowness()), `${pageMs} ms`);
}

/** Runs the command; returns all that it said. */
async function typed(root: string, command: string): Promise<string> {
  const child = startInside(root, '/mnt', 0, ['sh', '-c', `{ ${command}; } 2>&1`]);
  const said = child.stdout ? await text(child.stdout) : '';
  if (child.exitCode === null) await once(child, 'close');
  assert.equal(child.exitCode, 0, said);
  return said;
}

async function answerOf(url: string, child: ChildProcess, said: Promise<string>): Promise<string> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return answer.text();
    if (child.exitCode !== null || child.signalCode !== null) assert.fail(await said);
    await wait(20);
  }
}

function endGroup(child: ChildProcess): void {
  try {
    process.kill(-Number(child.pid), 'SIGTERM');
  } catch {
    // It has ended already.
  }
}
