// SPDX-License-Identifier: Apache-2.0
// The kernels of the lab: Debian's, by the version and checksum that kernels.json locks, unpacked into a cache once.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, debianSuite, NoMirror, type Package, type Suite } from '../../test/debian/apt.ts';
import { foreignRoot } from '../../test/debian/foreign-root.ts';
import { cachePath } from '../../test/host/need.ts';
import { type LockedKernel, lockedKernel } from './series.ts';
import { releaseOf, unpackKernel } from './unpack-kernel.ts';

/** An unpacked kernel: `vmlinuz` and `lib/modules/<release>` under `directory`. */
export interface Kernel {
  readonly series: string;
  readonly architecture: Architecture;
  readonly release: string;
  readonly directory: string;
  /** The root file system of its architecture; undefined: this machine's own. */
  readonly root?: string;
}

/** A kernel is 50 to 100 MB to download. */
const KERNELS = cachePath('kernels');

/** The kernel from the cache, else from the mirror; `say` hears what takes time and what is not as locked. */
export async function provideKernel(series: string, say: (line: string) => void): Promise<Kernel> {
  const locked = lockedKernel(series);
  const wanted = await unpacked(locked, locked.packages);
  if (existsSync(wanted.directory)) {
    return wanted;
  }
  const { suite, packages } =
    (await findOffer(locked, (one) => exactPackages(locked, one))) ?? (await newestOffer(locked));
  const [gone, instead] = [locked.packages[0], packages[0]];
  if (instead?.version !== gone?.version) {
    say(
      `kernel ${series}: Debian no longer has ${gone?.name} ${gone?.version}; taking ${instead?.name} ` +
        `${instead?.version}. To lock it: npx tsx lab/vm/fetch-kernels.ts --relock ${series}`,
    );
  }
  const kernel = await unpacked(locked, packages);
  if (!existsSync(kernel.directory)) {
    await unpackKernel(suite, packages, kernel.directory, (line) => say(`kernel ${series}: ${line}`));
  }
  return kernel;
}

/** The kernel, or why there is none: a silent mirror is no fault of what is tested. A wrong checksum is a fault, and throws. */
export async function kernelOrWhy(series: string, say: (line: string) => void): Promise<Kernel | string> {
  try {
    return await provideKernel(series, say);
  } catch (error) {
    if (error instanceof NoMirror) return error.message;
    throw error;
  }
}

/** 7.3-amd64 is the release of every release candidate: only with the package's version it names one kernel. */
async function unpacked({ series, architecture }: LockedKernel, packages: readonly Package[]): Promise<Kernel> {
  const release = releaseOf(packages);
  const directory = join(KERNELS, `${release}_${packages[0]?.version}`);
  const kernel = { series, architecture, release, directory };
  return architecture === 'amd64' ? kernel : { ...kernel, root: await foreignRoot(architecture) };
}

interface Offer {
  readonly suite: Suite;
  readonly packages: readonly Package[];
}

async function findOffer(
  locked: LockedKernel,
  search: (suite: Suite) => Promise<readonly Package[] | undefined>,
): Promise<Offer | undefined> {
  for (const name of locked.suites) {
    const suite = await suiteOf(locked, name);
    const packages = await search(suite);
    if (packages) {
      return { suite, packages };
    }
  }
  return undefined;
}

const suiteOf = (locked: LockedKernel, name: string): Promise<Suite> =>
  debianSuite(name, join(KERNELS, 'apt'), locked.architecture);

async function exactPackages(locked: LockedKernel, suite: Suite): Promise<readonly Package[] | undefined> {
  const found = await Promise.all(locked.packages.map((one) => suite.find(one.name, one.version)));
  return found.length > 0 && found.every((one) => one !== undefined) ? locked.packages : undefined;
}

/** The newest of all its suites: point releases and security fixes overtake each other. A suite without a mirror here has none. */
export async function newestOffer(locked: LockedKernel): Promise<Offer> {
  let newest: Offer | undefined;
  let silent: NoMirror | undefined;
  for (const name of locked.suites) {
    try {
      const suite = await suiteOf(locked, name);
      const packages = await newestPackages(locked, suite);
      if (packages && (!newest || isNewer(packages, newest.packages))) newest = { suite, packages };
    } catch (error) {
      if (!(error instanceof NoMirror)) throw error;
      silent = error;
    }
  }
  if (newest) return newest;
  if (silent) throw silent;
  throw new Error(
    `Debian (${locked.suites.join(', ')}) has no kernel of series ${locked.series} any more: ` +
      'name the suite that has it, or another series, in lab/vm/kernels.json.',
  );
}

export function isNewer(one: readonly Package[], other: readonly Package[]): boolean {
  const versionOf = (packages: readonly Package[]): string => packages[0]?.version ?? '';
  return spawnSync('dpkg', ['--compare-versions', versionOf(one), 'gt', versionOf(other)]).status === 0;
}

async function newestPackages(locked: LockedKernel, suite: Suite): Promise<readonly Package[] | undefined> {
  const packages: Package[] = [];
  for (const pattern of locked.patterns) {
    const name = await suite.newestName(pattern);
    const found = name === undefined ? undefined : await suite.find(name);
    if (!found) {
      return undefined;
    }
    packages.push(found);
  }
  return packages;
}
