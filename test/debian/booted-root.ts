// SPDX-License-Identifier: Apache-2.0
// A bare root with systemd as its process 1, in namespaces of its own: units run as they do on a host, sandbox included.
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** A page of metrics has the devices of all tests that run on this machine; Node's 1 MiB is too little. */
const MOST_SAID = 2 ** 26;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

export interface BootedRoot {
  /** Process 1, as this machine numbers it. */
  readonly pid: number;
  /** Runs a program inside; throws with what it said if it fails. Returns all that it said. */
  inside(...command: readonly string[]): Promise<string>;
  /** Ends it with all it started. */
  halt(): Promise<void>;
}

/** /proc/sys and /sys are read-only, as in a container: systemd would set this machine's own knobs. */
const BOOT = `set -e
  root=$1; cd /
  ip link set lo up
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"; mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs tmpfs "$root/run"; mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
  done
  ln -s pts/ptmx "$root/dev/ptmx"
  mkdir -p "$root/mnt/old"; cd "$root"; pivot_root . mnt/old; umount -l mnt/old
  exec env -i container=test PATH=${PATH} /lib/systemd/systemd --system --unit=multi-user.target`;

/** Runs systemd in a control group of its own: it takes no other process's group, and leaves nothing behind. */
const JOIN = `set -e
  mount -t cgroup2 cgroup2 /mnt; mkdir "/mnt/$1"; echo $$ >"/mnt/$1/cgroup.procs"; umount /mnt; shift
  exec unshare --cgroup --mount --net --pid --ipc --uts --fork sh -c "$@"`;

const LEAVE = 'mount -t cgroup2 cgroup2 /mnt; find "/mnt/$1" -depth -type d -exec rmdir {} +';

export async function bootRoot(root: string): Promise<BootedRoot> {
  const group = `tapscope-test-${process.pid}`;
  const child = spawn('unshare', ['--mount', 'sh', '-c', JOIN, 'sh', group, BOOT, 'sh', root], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const pid = await firstChild(child.pid ?? 0);
  const inside = async (...command: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await run('nsenter', ['--all', '--target', String(pid), ...command], {
      env: { PATH },
      maxBuffer: MOST_SAID,
    });
    return stdout + stderr;
  };
  const kill = (): void => void spawnSync('kill', ['-KILL', String(pid)]);
  // A test that is interrupted must not leave a system behind.
  process.prependOnceListener('exit', kill);
  const halt = async (): Promise<void> => {
    kill();
    process.off('exit', kill);
    await ended;
    execFileSync('unshare', ['--mount', 'sh', '-c', LEAVE, 'sh', group]);
  };
  try {
    await untilBooted(inside);
  } catch (error) {
    await halt();
    throw error;
  }
  return { pid, inside, halt };
}

/** The process of systemd itself, once it has taken the shell's place. */
async function firstChild(parent: number): Promise<number> {
  for (let i = 0; i < 600; i++) {
    await wait(50);
    const pid = Number(readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim());
    if (pid > 0 && nameOf(pid) === 'systemd') return pid;
  }
  throw new Error('systemd did not start within 30 s.');
}

/** The name of a process; '': a program of the shell that has ended meanwhile. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

async function untilBooted(inside: BootedRoot['inside']): Promise<void> {
  let state = '';
  for (let i = 0; i < 200; i++) {
    state = await inside('systemctl', 'is-system-running').catch((error) => String(error.stdout));
    // degraded: a unit failed that a test does not need.
    if (/^(running|degraded)$/m.test(state)) return;
    await wait(100);
  }
  throw new Error(`systemd did not come up within 20 s: ${state}`);
}
