// SPDX-License-Identifier: Apache-2.0
// This program's own package: where it lies and which version it is.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the package by its path from the root; undefined: it is not there. */
export function packageFile(path: string): string | undefined {
  const file = join(packageRoot(), path);
  return existsSync(file) ? file : undefined;
}

/** Files run as src/… and as dist/…: the root is the folder above that holds package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

export function readPackage(): { readonly version: string } {
  return JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
}
