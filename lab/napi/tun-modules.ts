// SPDX-License-Identifier: Apache-2.0
// Two builds of tun for one kernel of the lab, from Debian's source by Debian's compiler. They differ by tun-napi-cache.patch alone.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { debianSuite } from '../../test/debian/apt.ts';
import { cachePath } from '../../test/host/need.ts';
import { run } from '../../test/host/run.ts';
import type { Kernel } from '../vm/kernels.ts';

/** The kernel for which the patch is. */
export const SERIES = '7.3';

/** plain: as Debian's source has it; cached: with the NAPI cache, deferred frees and drop reasons. */
export const BUILDS = ['plain', 'cached'] as const;
export type Build = (typeof BUILDS)[number];

const patchFile = join(import.meta.dirname, 'tun-napi-cache.patch');

/** Below the folder of a kernel: where its modules are, or will be. */
export function modulesFolder(patch: string): string {
  return `tun-${createHash('sha256').update(patch).digest('hex').slice(0, 12)}`;
}

/** The file of a build. */
export function moduleFile(folder: string, build: Build): string {
  return join(folder, build, 'tun.ko');
}

/** The folder of the kernel's modules in the cache; `say` hears what takes time. */
export async function tunModules(kernel: Kernel, say: (line: string) => void): Promise<string> {
  const patch = await readFile(patchFile, 'utf8');
  const folder = join(kernel.directory, modulesFolder(patch));
  if (!existsSync(folder)) await build(kernel, patch, folder, say);
  return folder;
}

/** The folder of a kernel without its architecture's own: 7.3.4+deb13-amd64_7.3.4-1~bpo13+1 */
function versionOf({ release, directory }: Kernel): string {
  return basename(directory).slice(release.length + 1);
}

async function build(kernel: Kernel, patch: string, folder: string, say: (line: string) => void): Promise<void> {
  const { release } = kernel;
  const root = `${folder}.${process.pid}.root`;
  const fresh = `${folder}.${process.pid}`;
  try {
    say(`kernel ${kernel.series}: downloading its headers, source and compiler`);
    await makeBuildRoot({ release, version: versionOf(kernel) }, root);
    await writeFile(join(root, 'napi.patch'), patch);
    say(`kernel ${kernel.series}: building tun`);
    await runInRoot(root, ['sh', '-ec', SCRIPT, 'sh', release, sourcePackage(release), ...BUILDS]);
    for (const one of BUILDS) {
      await mkdir(join(fresh, one), { recursive: true });
      await copyFile(join(root, 'build', one, 'tun.ko'), moduleFile(fresh, one));
    }
    await rename(fresh, folder);
  } finally {
    for (const one of [root, fresh]) await rm(one, { recursive: true, force: true });
  }
}

/** Arguments: the kernel's release, the package of its source, the plain build, the patched one. */
const SCRIPT = `
mkdir /build
cd /build
tar -xJf "/usr/src/$2.tar.xz" --strip-components=3 "$2/drivers/net/tun.c" "$2/drivers/net/tun_vnet.h"
echo 'obj-m := tun.o' > Makefile
for name in "$3" "$4"; do mkdir "$name"; cp tun.c tun_vnet.h Makefile "$name"; done
patch -p3 -d "$4" < /napi.patch
for name in "$3" "$4"; do
	make -C "/usr/src/linux-headers-$1" "M=/build/$name" modules
	objcopy --strip-debug "$name/tun.ko"
done
`;

// Debian 13 with the compiler and the headers of one of the lab's kernels, unpacked in a folder. Debian's tools that build a module need
// a younger libc than Debian 12 has.

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
async function makeBuildRoot({ release, version }: KernelPackages, root: string): Promise<void> {
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
async function runInRoot(root: string, command: readonly string[]): Promise<void> {
  const words = ['--mount', 'sh', '-c', ENTER, 'sh', root, 'env', 'PATH=/usr/sbin:/usr/bin', 'LC_ALL=C', ...command];
  await run('unshare', words, { maxBuffer: 1 << 26 });
}
