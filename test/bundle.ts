// SPDX-License-Identifier: Apache-2.0
// TypeScript of this tree as JavaScript, for a VM and for a run of many tests. On an emulated CPU, finding, translating and reading three
// hundred files takes half a minute. One file for each program and one for what they share take a second.
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { BUNDLES } from './bundled.ts';

const ROOT = join(import.meta.dirname, '..');

/** What finds something by its own place finds it still. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.m?[jt]s$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        // Patterns, in which this file does not find itself: it is bundled too, and bundles then.
        .replaceAll(/import\.meta\.dirname/g, JSON.stringify(dirname(path)))
        .replaceAll(/import\.meta\.url/g, JSON.stringify(pathToFileURL(path).href)),
      loader: path.endsWith('ts') ? 'ts' : 'js',
    })),
};

export interface Bundle {
  /** Below the root of the tree; all files are in it. */
  readonly folder: string;
  /** Where one of the files is now, below the root of the tree. */
  readonly place: (file: string) => string;
}

/** Bundles anew what has this name. `files`: below the root of the tree. */
export async function bundle(name: string, files: readonly string[]): Promise<Bundle> {
  const folder = join(BUNDLES, name);
  rmSync(join(ROOT, folder), { recursive: true, force: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...files],
    outbase: ROOT,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    plugins: [keepPlaces],
    logLevel: 'warning',
  });
  return { folder, place: (file) => join(folder, file.replace(/\.\w+$/, '.js')) };
}
