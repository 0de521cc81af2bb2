// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, bpftool, debootstrap, g++-aarch64-linux-gnu, git, qemu-user-static.
// The npm package for arm64, made on amd64: what it is made of, and that it runs in a Debian 13 for arm64, whose Node qemu interprets.
// qemu knows no bpf(): what needs the kernel is refused there, in a clear sentence.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { whyNoBareRoot } from '../test/debian/bare-root.ts';
import { foreignRoot } from '../test/debian/foreign-root.ts';

const project = join(import.meta.dirname, '..');
const release = join(project, 'dist/release');
const installed = 'usr/local/lib/node_modules/tapscope';
const EM_AARCH64 = 183;
const isAmd64 = process.arch === 'x64' ? false : 'is made on amd64';

test('the npm package for arm64', { skip: isAmd64 || whyNoBareRoot() }, async (t) => {
  execFileSync('node', ['deploy/release.mjs', '--no-audit', '--no-deb', '--no-rpm', '--no-image'], {
    cwd: project,
    stdio: 'pipe',
  });
  const root = mkdtempSync(join(tmpdir(), 'tapscope-arm64-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  execFileSync('cp', ['--archive', `${await foreignRoot('arm64')}/.`, root]);
  copyFileSync('/usr/bin/qemu-aarch64-static', join(root, 'usr/bin/qemu-aarch64-static'));
  const tarball = readdirSync(release).find((file) => file.endsWith('-linux-arm64.tgz')) ?? '';
  mkdirSync(join(root, 'mnt'), { recursive: true });
  copyFileSync(join(release, tarball), join(root, 'mnt', tarball));
  const npm = dirname(dirname(realpathSync(answer('sh', '-c', 'command -v npm').trim())));
  cpSync(npm, join(root, 'opt/npm'), { recursive: true });
  const own = (path: string): string => join(root, installed, path);

  await t.test('npm refuses it on another machine', () => {
    const words = ['install', '-g', '--offline', `--prefix=${root}/mnt`, join(release, tarball)];
    const refused = spawnSync('npm', words, { encoding: 'utf8' });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /EBADPLATFORM/);
  });

  await t.test('npm installs it on arm64, and compiles and downloads nothing', () => {
    const words = ['install', '-g', '--offline', '--foreground-scripts', '--prefix=/usr/local', `/mnt/${tarball}`];
    const { status, text } = onArm(root, '/opt/npm/bin/npm-cli.js', ...words);
    assert.equal(status, 0, text);
    assert.match(text, /^added 1 package/m);
    assert.doesNotMatch(text, /gyp|> .*install/);
  });

  await t.test('its programs are of arm64, its BPF objects the same as of amd64', () => {
    const libraries = readdirSync(own('dist/addon/lib')).map((name) => `dist/addon/lib/${name}`);
    assert.equal(libraries.length, 5);
    const bcrypt = 'node_modules/bcrypt/prebuilds/linux-arm64/bcrypt.glibc.node';
    for (const path of ['dist/addon/tapscope.node', 'dist/bench/traffic', bcrypt, ...libraries])
      assert.equal(readFileSync(own(path)).readUInt16LE(18), EM_AARCH64, path);
    for (const name of ['tapscope.bpf.o', 'follow.bpf.o', 'frames.bpf.o', 'ways.bpf.o'])
      assert.ok(loaded(root, own(`dist/bpf/${name}`)).equals(loaded(root, join(project, 'dist/bpf', name))), name);
    assert.deepEqual(
      readdirSync(own('dist/src')).filter((name) => name.endsWith('.bytecode')),
      [],
    );
  });

  await t.test('it tells its version and its help, and doctor why it sees nothing', () => {
    const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
    assert.deepEqual(said(root, '--version'), { status: 0, text: `${version}\n` });
    assert.match(said(root, 'diagnose', '--help').text, /^Usage: tapscope diagnose/);
    const { status, text } = said(root, 'doctor');
    assert.equal(status, 3, text);
    assert.match(text, /^BLIND: \d+ of \d+ events are not measured at all\.$/m);
    assert.match(text, /^ {2}Why \(ended, [^)]*\): load \S+\/tapscope\.bpf\.o: Function not implemented$/m);
  });
});

/** The sections that libbpf reads: all but debug notes, which name the folders of headers. */
function loaded(root: string, path: string): Buffer {
  const linked = join(root, 'mnt/linked.bpf.o');
  execFileSync('bpftool', ['gen', 'object', linked, path]);
  return readFileSync(linked);
}

function said(root: string, ...words: readonly string[]): { readonly status: number | null; readonly text: string } {
  return onArm(root, `/${installed}/deploy/launch.mjs`, ...words);
}

/** A program for Node, in the root. */
function onArm(root: string, ...words: readonly string[]): { readonly status: number | null; readonly text: string } {
  const enter = `mount -t proc proc "$0/proc"; mount --rbind /sys "$0/sys"; mount --rbind /dev "$0/dev"
    exec chroot "$0" /usr/bin/qemu-aarch64-static /usr/bin/node "$@"`;
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin', HOME: '/tmp', NO_COLOR: '1' };
  const command = ['--mount', '/bin/sh', '-c', enter, root, ...words];
  const { status, stdout } = spawnSync('unshare', command, { encoding: 'utf8', env });
  return { status, text: stdout };
}

function answer(program: string, ...words: readonly string[]): string {
  return execFileSync(program, words, { encoding: 'utf8' });
}
