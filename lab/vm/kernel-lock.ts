// SPDX-License-Identifier: Apache-2.0
// kernels.json: which of Debian's kernels the lab has, by version and checksum.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture, Package } from '../../test/debian/apt.ts';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';

export const lockFile = join(dirname(fileURLToPath(import.meta.url)), 'kernels.json');

export interface LockedKernel {
  /** What people call it: 6.1, 7.3. */
  readonly series: string;
  readonly architecture: Architecture;
  /** Where Debian keeps it, or will next: a kernel moves from experimental to sid to testing. */
  readonly suites: readonly string[];
  /** Matches the names of its packages in every version; the first holds the kernel's release in its name. */
  readonly patterns: readonly string[];
  readonly packages: readonly Package[];
}

export function lockedKernels(): readonly LockedKernel[] {
  return listAt(parseJson(readFileSync(lockFile, 'utf8'))).map((one) => ({
    series: textAt(one, 'series'),
    architecture: at(one, 'architecture') === 'arm64' ? 'arm64' : 'amd64',
    suites: listAt(one, 'suites').map(String),
    patterns: listAt(one, 'patterns').map(String),
    packages: listAt(one, 'packages').map((each) => ({
      name: textAt(each, 'name'),
      version: textAt(each, 'version'),
      sha256: textAt(each, 'sha256'),
    })),
  }));
}

export function lockedKernel(series: string): LockedKernel {
  const kernels = lockedKernels();
  const found = kernels.find((kernel) => kernel.series === series);
  if (!found) {
    throw new Error(`The lab has no kernel ${series}: it has ${kernels.map((one) => one.series).join(', ')}.`);
  }
  return found;
}
