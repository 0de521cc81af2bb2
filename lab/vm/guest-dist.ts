// SPDX-License-Identifier: Apache-2.0
// What a VM sees as dist/: this machine's own build, or one for its architecture.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Architecture } from './machine.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Node's names. */
const NAMES: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };

/** Where it lies, below the root of the tree. */
export function distOf(architecture: Architecture): string {
  return architecture === 'amd64' ? 'dist' : `dist/${architecture}/guest`;
}

/** Node in a VM. */
export function nodeOf(architecture: Architecture): string {
  return architecture === 'amd64' ? process.execPath : '/usr/bin/node';
}

/** Builds what the lab needs there; the product itself is built for this machine already. */
export function buildFor(architecture: Architecture): void {
  if (architecture === 'amd64')
    execFileSync('make', ['--silent', '--no-print-directory', '-C', join(root, 'lab')], { stdio: ['ignore', 2, 2] });
  else
    execFileSync('flock', ['dist/.lock', process.execPath, 'lab/vm/foreign-dist.mjs', NAMES[architecture]], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
}
