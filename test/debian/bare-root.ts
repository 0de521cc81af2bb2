// SPDX-License-Identifier: Apache-2.0
// A bare Debian 12 or 13 in a folder, with this machine's names and certificates, and processes that run in it.
// Every process mounts what it needs in a mount namespace of its own: nothing is left to unmount, however it ends.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cachePath } from '../host/need.ts';

/** Variables by which a process finds registries. */
export const passedOn = /^(NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(https?|no)_proxy|npm_config_registry)$/i;

const home = '/opt';

/** For test's `skip`: why no bare root can be made here, or false. */
export function whyNoBareRoot(): string | false {
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
    return 'needs mount namespaces, and this machine refuses them';
  return debianMirror() === undefined && 'needs a Debian mirror, and the apt sources of this machine name none';
}

/** The Debian mirror of this machine's own apt, or undefined. */
function debianMirror(): string | undefined {
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : []),
  ];
  const text = files.flatMap((file) => (existsSync(file) ? [readFileSync(file, 'utf8')] : [])).join('\n\n');
  const suites = '(?:bookworm|trixie|stable)';
  const oneLine = new RegExp(`^deb (?:\\[[^\\]]*\\] )?(\\S+) ${suites} (?:.* )?main\\b`, 'm').exec(text);
  const stanza = text.split(/\n\s*\n/).find((part) => new RegExp(`^Suites:.*\\b${suites}(?: |$)`, 'm').test(part));
  return oneLine?.[1] ?? /^URIs: *(\S+)/m.exec(stanza ?? '')?.[1];
}

/** Debian 12 and 13. */
export type Suite = 'bookworm' | 'trixie';

export function makeBareRoot(root: string, suite: Suite = 'bookworm'): void {
  mkdirSync(root, { mode: 0o700, recursive: true });
  const mirror = debianMirror() ?? '';
  execFileSync('cp', ['--archive', `${bootstrapped(mirror, suite)}/.`, root]);
  writeFileSync(join(root, 'etc/apt/sources.list'), `deb ${mirror} ${suite} main\n`); // it may be another one by now
  const certificates = Object.entries(process.env).flatMap(([name, value]) =>
    /CERT/.test(name) && passedOn.test(name) && value ? [value] : [],
  );
  for (const path of ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs', ...certificates]) copyIn(root, path, path);
  for (const file of readdirSync('/etc/apt/apt.conf.d')) {
    const path = join('/etc/apt/apt.conf.d', file);
    if (/^\s*Acquire/m.test(readFileSync(path, 'utf8'))) copyIn(root, path, path);
  }
}

const DAY_MS = 86_400_000;

/** A root as debootstrap leaves it. Making it takes half a minute; it is kept for a day, for several tests copy it. */
function bootstrapped(mirror: string, suite: Suite): string {
  const kept = cachePath(suite);
  const made = statSync(kept, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.abs(Date.now() - made) < DAY_MS) return kept;
  const fresh = `${kept}.${process.pid}`;
  try {
    mkdirSync(fresh, { mode: 0o700, recursive: true });
    const bootstrap = ['debootstrap', '--variant=minbase', suite, fresh, mirror];
    execFileSync('unshare', ['--mount', ...bootstrap], { stdio: ['ignore', 'ignore', 'inherit'] });
    utimesSync(fresh, new Date(), new Date());
    rmSync(kept, { recursive: true, force: true });
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return kept;
}

function copyIn(root: string, from: string, to: string): void {
  if (existsSync(from)) cpSync(from, join(root, to), { recursive: true, dereference: true });
}

/** Node, and this machine's npm, where official images have theirs. */
export function copyNode(root: string, node = realpathSync(process.execPath)): void {
  const prefix = dirname(dirname(node));
  for (const path of ['share/doc/nodejs/LICENSE', 'LICENSE']) copyIn(root, join(prefix, path), '/usr/local/LICENSE');
  const npm = realpathSync(answer('sh', '-c', 'command -v npm'));
  copyIn(root, node, '/usr/local/bin/node');
  copyIn(root, dirname(dirname(npm)), '/usr/local/lib/node_modules/npm');
  copyIn(root, answer('npm', 'config', 'get', 'globalconfig'), '/usr/local/etc/npmrc');
  copyIn(root, join(homedir(), '.npmrc'), join(home, '.npmrc'));
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
}

function answer(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Clones this project into the root, with what is not committed yet. */
export function cloneInto(root: string, path: string): void {
  const project = join(import.meta.dirname, '../..');
  const clone = join(root, path);
  const git = ['-C', project, '-c', 'safe.directory=*'];
  answer('git', ...git, 'clone', '--quiet', '--no-hardlinks', project, clone);
  const changed = answer('git', ...git, 'ls-files', '-z', '--modified', '--others', '--exclude-standard').split('\0');
  for (const file of changed.filter((name) => name !== '')) {
    if (existsSync(join(project, file))) cpSync(join(project, file), join(clone, file));
    else rmSync(join(clone, file), { force: true });
  }
}

/** Starts a program inside the root, as the leader of a process group of its own. */
export function startInside(root: string, folder: string, user: number, command: readonly string[]): ChildProcess {
  const enter = `set -e
    root=$1 user=$2 folder=$3; shift 3
    mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"
    exec chroot --userspec="$user:$user" "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"`;
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name)));
  return spawn('unshare', ['--mount', '/bin/sh', '-c', enter, 'sh', root, String(user), folder, ...command], {
    env: { ...kept, PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: user === 0 ? home : '/tmp' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}
