// SPDX-License-Identifier: Apache-2.0
// A part of the result, kept in a file. Parts can run one after another or at the same time, each in its own network namespace.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Part } from './programs-page.ts';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../dist/programs');

export type PartName = 'table' | 'idle' | 'busy';
export const PARTS: readonly PartName[] = ['table', 'idle', 'busy'];

export function keepPart(name: PartName, part: Part): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}.json`), JSON.stringify(part));
}

/** undefined: it has not run here. */
export function keptPart(name: PartName): Part | undefined {
  const file = join(FOLDER, `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
