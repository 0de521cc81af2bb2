// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, debootstrap, git, openssh-client.
// The npm package in a bare Debian 12 that has Node and npm, and neither a compiler nor a library of ours: installed offline, and run.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { copyNode, makeBareRoot, startInside, whyNoBareRoot } from '../test/debian/bare-root.ts';
import { at, listAt, parseJson } from '../test/host/checked-json.ts';
import { freePort } from '../test/host/free-port.ts';
import { slowness } from '../test/host/slowness.ts';

const project = join(import.meta.dirname, '..');
const release = join(project, 'dist/release');
const isPackage = /-linux-[^/]*\.tgz$/;
const FIRST_METRIC_MS = 5000;

// A test that is interrupted cleans up as well.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

async function said(root: string, line: string): Promise<{ readonly code: number; readonly all: string }> {
  const child = startInside(root, '/', 0, ['sh', '-c', `{ ${line}; } 2>&1`]);
  const all = child.stdout ? await text(child.stdout) : '';
  if (child.exitCode === null) await once(child, 'close');
  return { code: child.exitCode ?? -1, all };
}

test('npm install -g of the tarball, in a bare Debian 12', { skip: whyNoBareRoot() }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tapscope-npm-'));
  const remove = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  t.after(remove);
  process.prependOnceListener('exit', remove);
  // No registry answers here whether a fault is known, and the Debian packages have a test of their own.
  const key = join(root, 'release-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  execFileSync('node', ['deploy/release.mjs', '--no-audit', '--no-cross', '--no-deb', '--no-rpm', '--no-image'], {
    cwd: project,
    stdio: 'pipe',
    env: { ...process.env, RELEASE_KEY: key },
  });
  await t.test('the checksums are signed, and a signature of others is refused', () => {
    const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8');
    const signers = join(root, 'signers');
    writeFileSync(signers, `maintainer ${readFileSync(`${key}.pub`, 'utf8')}`);
    const words = ['-Y', 'verify', '-f', signers, '-I', 'maintainer', '-n', 'tapscope'];
    const verify = (text: string) =>
      spawnSync('ssh-keygen', [...words, '-s', join(release, 'SHA256SUMS.sig')], { input: text, encoding: 'utf8' });
    assert.match(verify(sums).stdout, /^Good "tapscope" signature for maintainer /);
    assert.equal(verify(sums).status, 0);
    assert.notEqual(verify(`${sums} `).status, 0);
  });
  makeBareRoot(root);
  copyNode(root);
  const tarball = readdirSync(release).find((file) => isPackage.test(file)) ?? '';
  cpSync(join(release, tarball), join(root, 'mnt', tarball));

  await t.test('nothing is compiled or downloaded', async () => {
    const { all } = await said(
      root,
      'for p in cc gcc g++ make clang python3; do command -v $p; done; ls /usr/lib/*/libbpf* || true',
    );
    assert.match(all, /^ls: cannot access [^\n]*\n$/);
    const installed = await said(root, `npm install -g --offline --foreground-scripts /mnt/${tarball}`);
    assert.equal(installed.code, 0, installed.all);
    assert.doesNotMatch(installed.all, /gyp|> .*install/);
  });

  await t.test('it tells its version, and doctor what this host allows', async () => {
    const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
    assert.deepEqual(await said(root, 'tapscope --version'), { code: 0, all: `${version}\n` });
    const { code, all } = await said(root, 'tapscope doctor');
    assert.ok(code === 0 || code === 1, `${code}: ${all}`);
  });

  await t.test('its agent serves metrics and the page', async (t) => {
    const address = `127.0.0.1:${await freePort()}`;
    const begun = performance.now();
    const child = startInside(root, '/', 0, ['tapscope', 'serve', `--web.listen-address=${address}`]);
    t.after(() => endGroup(child));
    const metrics = await answerOf(`http://${address}/metrics`, child);
    const took = performance.now() - begun;
    t.diagnostic(`first metric after ${Math.round(took)} ms`);
    assert.match(metrics, /^tapscope_build_info/m);
    assert.ok(took < FIRST_METRIC_MS * (await slowness()), `${took} ms`);
    assert.match(await answerOf(`http://${address}/`, child), /<title>tapscope<\/title>/);
  });

  await t.test('passwords are checked by the addon that came with it', async () => {
    const module = '/usr/local/lib/node_modules/tapscope/node_modules/bcrypt';
    const hashed = await said(root, `node -e "console.log(require('${module}').hashSync('x', 4))"`);
    assert.match(hashed.all, /^\$2b\$04\$/);
  });

  await t.test('purged, nothing of it is left', async () => {
    assert.equal((await said(root, 'npm uninstall -g tapscope')).code, 0);
    assert.match((await said(root, 'find /usr/local -path "*tapscope*" | head')).all, /^$/);
  });
});

test('checksums and the bill of materials are of what is there', { skip: whyNoBareRoot() }, (t: TestContext) => {
  const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('  '));
  assert.deepEqual(
    sums.map(([, file]) => file),
    readdirSync(release)
      .filter((file) => !/^SHA256SUMS(?:\.sig)?$/.test(file))
      .sort(),
  );
  for (const [sum, file = ''] of sums)
    assert.equal(
      createHash('sha256')
        .update(readFileSync(join(release, file)))
        .digest('hex'),
      sum,
      file,
    );
  const bill = readdirSync(release).find((file) => file.endsWith('.cdx.json')) ?? '';
  const components = listAt(parseJson(readFileSync(join(release, bill), 'utf8')), 'components');
  const names = components.map((one) => at(one, 'name'));
  for (const name of ['fastify', 'bcrypt', 'libbpf1', 'libelf1', 'libmnl0', 'libseccomp2', 'zlib1g'])
    assert.ok(names.includes(name), name);
  assert.ok(!names.includes('typescript'));
  const licences = execFileSync(
    'tar',
    [
      '-xzOf',
      join(release, String(sums.find(([, file = '']) => isPackage.test(file))?.[1])),
      'package/licences/README.md',
    ],
    { encoding: 'utf8' },
  );
  for (const name of names)
    assert.ok(
      licences.includes(`| ${name} |`) || String(name).includes('/') || licences.includes(`/${name} |`),
      `${name} has no licence`,
    );
  t.diagnostic(`${names.length} components`);
});

async function answerOf(url: string, child: ChildProcess): Promise<string> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return answer.text();
    assert.ok(child.exitCode === null && child.signalCode === null, 'the agent ended');
    await wait(50);
  }
}

function endGroup(child: ChildProcess): void {
  try {
    process.kill(-Number(child.pid), 'SIGTERM');
  } catch {
    // It has ended already.
  }
}
