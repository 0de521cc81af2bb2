// SPDX-License-Identifier: Apache-2.0
// Where this host limits CPU time: a hierarchy of cgroup v1 of its own, or the one of v2.
import { readFileSync } from 'node:fs';
import { mountPoint } from './mount-point.ts';

interface CpuCgroup {
  readonly version: 1 | 2;
  /** The mount point of the hierarchy, as src/foreign-name.ts writes it. */
  readonly root: string;
}

/** undefined: no hierarchy with the CPU controller is mounted here. */
export function cpuCgroup(mounts = readMounts()): CpuCgroup | undefined {
  const found = mounts.split('\n').map((line) => line.split(' '));
  const one = found.find(([, , type, options = '']) => type === 'cgroup' && options.split(',').includes('cpu'))?.[1];
  if (one !== undefined) return { version: 1, root: mountPoint(one) };
  // A controller that no hierarchy of v1 has is v2's.
  const two = found.find(([, , type]) => type === 'cgroup2')?.[1];
  return two === undefined ? undefined : { version: 2, root: mountPoint(two) };
}

function readMounts(): string {
  try {
    return readFileSync('/proc/self/mounts', 'latin1');
  } catch {
    return '';
  }
}
