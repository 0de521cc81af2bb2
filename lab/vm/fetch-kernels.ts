// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/vm/fetch-kernels.ts [--relock] [SERIES…]: puts the lab's kernels into the cache, or locks the newest versions of today.
import { writeFile } from 'node:fs/promises';
import { program } from '../../test/host/scope.ts';
import { newestOffer, provideKernel } from './kernels.ts';
import { type LockedKernel, lockedKernel, lockedKernels, lockFile } from './series.ts';

async function relock(kernels: readonly LockedKernel[], series: readonly string[]): Promise<void> {
  const locked: LockedKernel[] = [];
  for (const kernel of kernels) {
    if (!series.includes(kernel.series)) {
      locked.push(kernel);
      continue;
    }
    const { packages } = await newestOffer(kernel);
    console.log(`kernel ${kernel.series}: ${packages.map((one) => `${one.name} ${one.version}`).join(', ')}`);
    locked.push({ ...kernel, packages });
  }
  await writeFile(lockFile, `${JSON.stringify(locked, undefined, 2)}\n`);
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
  }
}

await program(main);
