// SPDX-License-Identifier: Apache-2.0
// A cgroup for a test's process, with 1 % of a CPU, though before all others, or frozen, by whichever hierarchy this machine has.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Microseconds of CPU time in 100 000. */
const LEAST_QUOTA = 1000;

type Limit = 'cpu' | 'freezer';

interface Hierarchy {
  readonly root: string;
  /** File, value to limit, value to undo it. */
  readonly limit: readonly (readonly [file: string, value: string, undo: string])[];
}

function mounts(): readonly (readonly string[])[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
}

function hierarchyOf(limit: Limit): Hierarchy | undefined {
  const one = mounts().find(
    ([, , type = '', options = '']) => type === 'cgroup' && options.split(',').includes(limit),
  )?.[1];
  if (one && limit === 'cpu')
    return {
      root: one,
      limit: [
        ['cpu.shares', '262144', '1024'],
        ['cpu.cfs_quota_us', String(LEAST_QUOTA), '-1'],
      ],
    };
  if (one) return { root: one, limit: [['freezer.state', 'FROZEN', 'THAWED']] };
  const root = mounts().find(([, , type]) => type === 'cgroup2')?.[1];
  if (root === undefined) return undefined;
  if (limit === 'freezer') return { root, limit: [['cgroup.freeze', '1', '0']] };
  const offered = readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s/);
  if (!offered.includes('cpu')) return undefined;
  return {
    root,
    limit: [
      ['cpu.weight', '10000', '100'],
      ['cpu.max', `${LEAST_QUOTA} 100000`, 'max'],
    ],
  };
}

/** For `skip`: why this cannot be had here, or false. */
export function noCgroup(limit: Limit): string | false {
  return hierarchyOf(limit) ? false : `needs a cgroup hierarchy with ${limit}`;
}

/**
 * Limits the process until the lab is cleaned up. The limit ends before the process is killed, for a frozen one does not
 * notice a kill. Then the process is back in the root, if it still lives.
 */
export function limitedCgroup(
  lab: { after(undo: () => Promise<unknown>): void },
  pid: number,
  limit: Limit,
  quota = LEAST_QUOTA,
): void {
  const hierarchy = hierarchyOf(limit);
  if (!hierarchy) throw new Error(`No cgroup hierarchy with ${limit}.`);
  const { root } = hierarchy;
  if (limit === 'cpu' && existsSync(join(root, 'cgroup.subtree_control')))
    writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu');
  const folder = join(root, `tapscope-lab-${pid}`);
  mkdirSync(folder);
  lab.after(async () => {
    for (const [file, , undo] of hierarchy.limit) writeFileSync(join(folder, file), undo);
    if (existsSync(`/proc/${pid}`)) writeFileSync(join(root, 'cgroup.procs'), String(pid));
    rmdirSync(folder);
  });
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  for (const [file, value] of hierarchy.limit)
    writeFileSync(join(folder, file), value.replace(String(LEAST_QUOTA), String(quota)));
}
