// SPDX-License-Identifier: Apache-2.0
// A container without an engine, in the root of its image: the rights, mounts and variables that compose or a pod gives it, and no others. The engine's
// own seccomp profile is the one thing that is missing.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface Container {
  /** A process in its network namespace. */
  readonly networkOf: number;
  readonly capabilities: readonly string[];
  readonly mounts: readonly Mount[];
  readonly environment: Readonly<Record<string, string>>;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The root is read-only, as compose and the chart want it; what is mounted in it is not. */
const ENTER = `set -e
  root=$1 network=$2; shift 2
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"
  while [ "$1" != -- ]; do
    mount --rbind "$1" "$root$2"; [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"; shift 3
  done; shift
  mount -o remount,bind,ro "$root"
  exec nsenter --net="/proc/$network/ns/net" chroot "$root" "$@"`;

/** Makes the folders of the mounts, on both sides, as an engine does; returns what runs a program as the container does. */
export function containerIn(t: TestContext, root: string, container: Container): (...words: string[]) => ChildProcess {
  for (const { source, target } of container.mounts) {
    mkdirSync(join(root, target), { recursive: true });
    const made = mkdirSync(source, { recursive: true });
    if (made !== undefined) t.after(() => rmSync(made, { recursive: true, force: true }));
  }
  const mounts = container.mounts.flatMap((one) => [one.source, one.target, one.readOnly ? 'ro' : 'rw']);
  const bounds = ['-all', ...container.capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
  const rights = ['setpriv', `--bounding-set=${bounds}`, '--no-new-privs'];
  const enter = ['--mount', '/bin/sh', '-c', ENTER, 'sh', root, String(container.networkOf), ...mounts, '--'];
  const env = { PATH, ...container.environment };
  return (...words) =>
    spawn('unshare', [...enter, ...rights, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

/** Runs it until `t` ends; says what it printed when it ended before. */
export function keepRunning(t: TestContext, child: ChildProcess): void {
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => {
      said += data;
    });
  child.once('exit', (code) => code !== null && t.diagnostic(`it ended with ${code}: ${said}`));
  t.after(async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    if (ended) process.kill(-Number(child.pid), 'SIGKILL');
    await ended;
  });
}
