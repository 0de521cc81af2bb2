// SPDX-License-Identifier: Apache-2.0
// What a build or a package is, to the bit.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');

/** SHA-256 by path of all files in the folder. */
export function sums(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const sum = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(paths.map((path) => [relative(folder, path), sum(path)]));
}

/** The sums of `npm run deb` or `npm run rpm`. */
export function pack(kind: 'deb' | 'rpm'): Readonly<Record<string, string>> {
  execFileSync('npm', ['run', kind], { cwd: root, stdio: 'pipe' });
  return sums(join(root, 'dist', kind));
}
