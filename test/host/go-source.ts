// SPDX-License-Identifier: Apache-2.0
// A copy of a Go module's source, for what `go install` refuses to build.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseJson, textAt } from './checked-json.ts';
import { run } from './run.ts';

const DOWNLOAD_LIMIT_MS = 1_800_000;

/** Gives `build` the folder of a writable copy, from the module proxy, and removes the copy afterwards. */
export async function withGoSource(
  module: string,
  version: string,
  build: (copy: string) => Promise<void>,
): Promise<void> {
  const limits = { timeout: DOWNLOAD_LIMIT_MS, maxBuffer: 1 << 24 };
  const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@${version}`], limits);
  const copy = await mkdtemp(join(tmpdir(), 'tapscope-go-'));
  try {
    await cp(textAt(parseJson(stdout), 'Dir'), copy, { recursive: true });
    await run('chmod', ['-R', 'u+w', copy]);
    await build(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
