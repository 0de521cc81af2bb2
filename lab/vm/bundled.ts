// SPDX-License-Identifier: Apache-2.0
// Where bundles of lab/vm/bundle.ts lie, and what they were made of.

/** Below the root of the tree; in it a folder for each, which has the tree's own folders. */
export const BUNDLES = 'dist/lab/bundles';

/** The file of the tree that a bundled one was made of; any other is itself. Paths below the root of the tree. */
export function sourceOf(file: string): string {
  const [, bundled] = new RegExp(`^${BUNDLES}/[^/]+/(.*)\\.js$`).exec(file) ?? [];
  return bundled ? `${bundled}.ts` : file;
}
