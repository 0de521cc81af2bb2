// SPDX-License-Identifier: Apache-2.0
// The processes that have tun devices open, and the device of each, from /proc alone.
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { nameOfLatin1 } from '../foreign-name.ts';

interface TunHolder {
  readonly pid: number;
  readonly comm: string;
  /** Inode number of the process's network namespace; the device is mostly in the same one. */
  readonly netns: number;
  readonly device: string;
}

const TUN = '/dev/net/tun';

/** Looks at every descriptor of every process that may be looked at (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH for others'). */
export async function listTunHolders(): Promise<readonly TunHolder[]> {
  const holders: TunHolder[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const device of await devicesOf(pid)) {
      const holder = await describe(Number(pid), device);
      if (holder) holders.push(holder);
    }
  }
  return holders;
}

async function devicesOf(pid: string): Promise<ReadonlySet<string>> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []); // gone, or not ours to look at
  const devices = await Promise.all(
    descriptors.map(async (descriptor) => {
      if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => undefined)) !== TUN) return undefined;
      return deviceIn(await readFile(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1').catch(() => ''));
    }),
  );
  return new Set(devices.flatMap((device) => device ?? []));
}

/** The device in /proc/PID/fdinfo/FD, read as Latin-1; undefined: none is attached. */
export function deviceIn(info: string): string | undefined {
  const line = info.split('\n').find((one) => one.startsWith('iff:'));
  const name = line?.replace(/^iff:[ \t]*/, '');
  return name ? nameOfLatin1(name) : undefined;
}

async function describe(pid: number, device: string): Promise<TunHolder | undefined> {
  try {
    const [comm, namespace] = await Promise.all([readFile(`/proc/${pid}/comm`, 'latin1'), stat(`/proc/${pid}/ns/net`)]);
    return { pid, comm: nameOfLatin1(comm.replace(/\n$/, '')), netns: namespace.ino, device };
  } catch {
    return undefined; // it ended meanwhile
  }
}
