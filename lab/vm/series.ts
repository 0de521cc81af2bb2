// SPDX-License-Identifier: Apache-2.0
// The kernels on which everything is tested, and others that people run; lab/vm/kernels.json has their packages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture, Package } from '../../test/debian/apt.ts';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';

/** Series of kernels, by the first two numbers of their release, oldest first. Everything is tested on them. */
export const SERIES = ['6.1', '6.12', '7.2', '7.3'] as const;

/** A kernel on which tests show what is counted, and how exactly: docs/kernels.md. */
export interface LabKernel {
  readonly name: string;
  /** The series as lab/vm/kernels.json names it. */
  readonly series: string;
  /** The product or distribution whose kernel it stands for. */
  readonly standsFor: string;
  readonly kernelArguments: readonly string[];
  readonly cpus: number;
  readonly architecture: Architecture;
}

function kernel(series: string, standsFor: string): LabKernel {
  return { name: series, series, standsFor, kernelArguments: [], cpus: 2, architecture: 'amd64' };
}

export const KERNELS: readonly LabKernel[] = [
  kernel('5.10', 'Debian 11; RHEL 8 and 9 without their backports'),
  kernel('6.1', 'Debian 12'),
  kernel('6.12', 'Debian 13'),
  {
    ...kernel('6.12', 'Talos, hardened hosts'),
    name: '6.12 lockdown=confidentiality',
    kernelArguments: ['lockdown=confidentiality'],
    // The lab's way to a second CPU needs tracefs, which this refuses.
    cpus: 1,
  },
  kernel('6.12-rt', 'PREEMPT_RT'),
  kernel('6.17', 'Proxmox 9'),
  kernel('6.18', 'the long-term kernel after 6.12'),
  kernel('7.2', 'Debian testing'),
  kernel('7.3', 'Debian 13 with backports'),
  kernel('7.3-rt', 'PREEMPT_RT'),
  { ...kernel('6.12-arm64', 'Debian 13 on arm64'), architecture: 'arm64' },
  { ...kernel('7.3-arm64', 'Debian 13 with backports on arm64'), architecture: 'arm64' },
];

export const lockFile = join(import.meta.dirname, 'kernels.json');

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
