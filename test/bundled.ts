// SPDX-License-Identifier: Apache-2.0
// The folder of the bundles that test/bundle.ts makes, and the source file of each.

/** Below the root of the tree; in it a folder for each, which has the tree's own folders. */
export const BUNDLES = 'dist/test/bundles';

/** The file of the tree that a bundled one was made of; any other is itself. Paths below the root of the tree. */
export function sourceOf(file: string): string {
  const [, bundled] = new RegExp(`^${BUNDLES}/[^/]+/(.*)\\.js$`).exec(file) ?? [];
  return bundled ? `${bundled}.ts` : file;
}
