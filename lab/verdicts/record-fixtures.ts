// SPDX-License-Identifier: Apache-2.0
// What was judged rightly becomes the fixtures of the rules' tests.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCENARIOS } from './catalogue.ts';
import type { Result } from './order.ts';

const FIXTURES = 'src/diagnosis/fixtures';

/** A whole recording takes the place of the one before. */
export function recordAll(results: readonly Result[], whole: boolean): void {
  if (whole) rmSync(FIXTURES, { recursive: true, force: true });
  mkdirSync(FIXTURES, { recursive: true });
  for (const { run, fixture } of results) {
    if (!run || fixture === undefined) continue;
    const words = SCENARIOS[run.scenario]?.name.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    const name = `${words.join('-')}-${run.variant.kernel}-${run.variant.reader}.json.gz`;
    writeFileSync(join(FIXTURES, name), Buffer.from(fixture, 'base64'));
  }
}
