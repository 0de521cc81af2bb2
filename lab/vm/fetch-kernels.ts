// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/vm/fetch-kernels.ts [--relock] [SERIES…]: puts the lab's kernels into the cache and says which of them
// Debian has newer, or locks the newest versions of today.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { NoMirror } from '../../test/debian/apt.ts';
import { program } from '../../test/host/scope.ts';
import { isNewer, newestOffer, provideKernel } from './kernels.ts';
import { type LockedKernel, lockedKernel, lockedKernels, lockFile } from './series.ts';

async function relock(kernels: readonly LockedKernel[], series: readonly string[]): Promise<void> {
  const locked: LockedKernel[] = [];
  for (const kernel of kernels) {
    if (!series.includes(kernel.series)) {
      locked.push(kernel);
      continue;
    }
    const { packages: offered } = await newestOffer(kernel);
    // A suite that does not answer may be the one with the newest.
    const packages = isNewer(offered, kernel.packages) ? offered : kernel.packages;
    console.log(`kernel ${kernel.series}: ${packages.map((one) => `${one.name} ${one.version}`).join(', ')}`);
    locked.push({ ...kernel, packages });
  }
  await writeFile(lockFile, `${JSON.stringify(locked, undefined, 2)}\n`);
  execFileSync('npx', ['biome', 'format', '--write', lockFile], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function main(words: readonly string[]): Promise<void> {
  const named = words.filter((word) => !word.startsWith('--')).map((series) => lockedKernel(series).series);
  const series = named.length > 0 ? named : lockedKernels().map((kernel) => kernel.series);
  if (words.includes('--relock')) {
    await relock(lockedKernels(), series);
    return;
  }
  for (const one of series) {
    const kernel = await provideKernel(one, console.log);
    console.log(`kernel ${one}: ${kernel.release} in ${kernel.directory}`);
    const newer = await newerThan(lockedKernel(one));
    if (newer) console.log(`kernel ${one}: ${newer}`);
  }
}

/** That Debian has a newer one, or that it does not answer: the kernel in the cache is as good as before. */
async function newerThan(locked: LockedKernel): Promise<string | undefined> {
  try {
    const { packages } = await newestOffer(locked);
    if (!isNewer(packages, locked.packages)) return undefined;
    const [{ name, version } = { name: '', version: '' }] = packages;
    return `Debian has ${name} ${version}. To take it: npx tsx lab/vm/fetch-kernels.ts --relock ${locked.series}`;
  } catch (error) {
    if (error instanceof NoMirror) return error.message;
    throw error;
  }
}

await program(main);
