// SPDX-License-Identifier: Apache-2.0
// What this process may take of the host: open files, and the memory of its cgroup.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytesOfName } from '../foreign-name.ts';
import { mountPoint } from './mount-point.ts';
import { parseCgroups } from './process-text.ts';

const NAMES = { one: 'memory.limit_in_bytes', two: 'memory.max' } as const;
/** cgroup v1 writes "no limit" as the largest number of pages. */
const NO_LIMIT = 2 ** 60;

/** undefined: there is no limit, or it cannot be read. */
export function openFilesLimit(limits = readOr('/proc/self/limits')): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Files read as Latin-1. Bytes: the least limit of our cgroup and those above it. undefined: none. */
export function memoryLimit(
  cgroups = readOr('/proc/self/cgroup'),
  mounts = readOr('/proc/self/mounts'),
  read: (path: string) => string = readOr,
): number | undefined {
  const found = mounts.split('\n').map((line) => line.split(' '));
  const one = found.find(([, , type, options = '']) => type === 'cgroup' && options.split(',').includes('memory'))?.[1];
  const root = one ?? found.find(([, , type]) => type === 'cgroup2')?.[1];
  if (root === undefined) return undefined;
  const own = (one ? /^\d+:(?:\S+,)?memory(?:,\S+)?:(.*)$/m : /^0::(.*)$/m).exec(parseCgroups(cgroups))?.[1] ?? '/';
  const limits = upwards(own).map((path) =>
    Number(read(join(mountPoint(root), path, one ? NAMES.one : NAMES.two)).trim() || 'max'),
  );
  const least = Math.min(...limits.filter((limit) => limit < NO_LIMIT));
  return Number.isFinite(least) ? least : undefined;
}

/** The path and those above it, to the root. */
function upwards(path: string): readonly string[] {
  return path === '/' || path === '.' ? ['/'] : [path, ...upwards(dirname(path))];
}

function readOr(path: string): string {
  try {
    return readFileSync(Buffer.from(bytesOfName(path)), 'latin1');
  } catch {
    return '';
  }
}
