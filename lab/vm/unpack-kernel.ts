// SPDX-License-Identifier: Apache-2.0
// Downloads the packages of one kernel and makes of them a directory with `vmlinuz` and `lib/modules/<release>`.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Package, Suite } from '../../test/debian/apt.ts';
import { run } from '../../test/host/run.ts';

/** 6.1.0-50-amd64, as `uname -r` says it. */
export function releaseOf(packages: readonly Package[]): string {
  return packages[0]?.name.replace(/^linux-[a-z]+-/, '') ?? '';
}

/** Everything happens in a directory of its own, which gets the name `target` when it is whole. */
export async function unpackKernel(
  suite: Suite,
  packages: readonly Package[],
  target: string,
  say: (line: string) => void,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const partial = await mkdtemp(join(dirname(target), '.partial-'));
  try {
    for (const one of packages) {
      say(`downloading ${one.name} ${one.version}`);
      const file = await suite.download(one, partial);
      await verify(file, one);
      await run('dpkg-deb', ['-x', file, join(partial, 'root')]);
    }
    await assemble(partial, releaseOf(packages));
    await moveIntoPlace(join(partial, 'kernel'), target);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function verify(file: string, wanted: Package): Promise<void> {
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  if (sha256 !== wanted.sha256) {
    throw new Error(
      `${wanted.name} ${wanted.version} has checksum ${sha256}, locked is ${wanted.sha256}: not using it. ` +
        'If the mirror is trusted, lock it anew with npx tsx lab/vm/fetch-kernels.ts --relock.',
    );
  }
}

/** Half of a distribution kernel is drivers of hardware that no VM of the lab has. */
const NEEDLESS = [
  'sound',
  'drivers/gpu',
  'drivers/media',
  'drivers/net/wireless',
  'drivers/net/ethernet',
  'drivers/iio',
];

async function assemble(partial: string, release: string): Promise<void> {
  const roots = ['lib/modules', 'usr/lib/modules'].map((path) => join(partial, 'root', path, release));
  const modules = roots.find((path) => existsSync(join(path, 'kernel')));
  const images = [join(partial, 'root/boot', `vmlinuz-${release}`), ...roots.map((path) => join(path, 'vmlinuz'))];
  const image = images.find(existsSync);
  if (!modules || !image) {
    throw new Error(
      `The packages of ${release} hold no modules or no vmlinuz: is a package missing in lab/vm/kernels.json?`,
    );
  }
  const target = join(partial, 'kernel/lib/modules', release);
  await mkdir(dirname(target), { recursive: true });
  await cp(image, join(partial, 'kernel/vmlinuz'));
  const configs = [join(partial, 'root/boot', `config-${release}`), join(modules, 'config')];
  const config = configs.find(existsSync);
  if (config) await rename(config, join(partial, 'config'));
  await rename(modules, target);
  // Where kernels of today have it; tapscope asks it about PREEMPT_RT.
  if (config) await rename(join(partial, 'config'), join(target, 'config'));
  for (const path of NEEDLESS) {
    await rm(join(target, 'kernel', path), { recursive: true, force: true });
  }
  await run('depmod', ['-b', join(partial, 'kernel'), release]);
}

async function moveIntoPlace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another process was first: its copy has the same checksum.
    if ((await readdir(to).catch(() => [])).length === 0) {
      throw error;
    }
  }
}
