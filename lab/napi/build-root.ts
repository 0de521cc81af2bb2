// SPDX-License-Identifier: Apache-2.0
// Debian 13 with the compiler and the headers of one of the lab's kernels, unpacked in a folder. Debian's tools that build a module need
// a younger libc than Debian 12 has.
import { execFile } from 'node:child_process';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { debianSuite } from '../../test/debian/apt.ts';
import { cachePath } from '../../test/host/cache-path.ts';

const run = promisify(execFile);

/** Where the kernel comes from, and where its packages find what they need. */
const SUITE = 'trixie-backports';
const NEEDED = ['trixie'];
/** What a system has at least, and what make and gcc call. */
const TOOLS = ['?essential', 'binutils', 'make', 'patch', 'xz-utils'];

interface KernelPackages {
  /** 7.3.4+deb13-amd64 */
  readonly release: string;
  /** The version of its Debian packages: 7.3.4-1~bpo13+1 */
  readonly version: string;
}

/** Makes the folder `root`. Takes 270 MB to download. */
export async function makeBuildRoot({ release, version }: KernelPackages, root: string): Promise<void> {
  const archives = `${root}.debs`;
  try {
    const suite = await debianSuite(SUITE, cachePath('kernels/apt'), 'amd64', NEEDED);
    const ours = [`linux-headers-${release}`, sourcePackage(release)].map((name) => `${name}=${version}`);
    const files = await suite.downloadWithNeeds([...TOOLS, ...ours], archives);
    await mkdir(root);
    // base-files has the links from /bin and /lib to /usr, and is there before what lies behind them.
    for (const file of files.toSorted((a, b) => Number(isBase(b)) - Number(isBase(a))))
      await run('dpkg-deb', ['--extract', file, root]);
    // What mawk would do when it is configured.
    await symlink('mawk', join(root, 'usr/bin/awk'));
  } finally {
    await rm(archives, { recursive: true, force: true });
  }
}

/** linux-source-7.3 */
export function sourcePackage(release: string): string {
  return `linux-source-${/^\d+\.\d+/.exec(release)?.[0]}`;
}

function isBase(file: string): boolean {
  return file.includes('/base-files_');
}

/** Mounts end with the mount namespace. */
const ENTER = 'mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && exec chroot "$@"';

/** Runs a command in the root; throws with what it said if it fails. */
export async function runInRoot(root: string, command: readonly string[]): Promise<void> {
  const words = ['--mount', 'sh', '-c', ENTER, 'sh', root, 'env', 'PATH=/usr/sbin:/usr/bin', 'LC_ALL=C', ...command];
  await run('unshare', words, { maxBuffer: 1 << 26 });
}
