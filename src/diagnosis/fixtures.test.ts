// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Snapshots of real faults on real kernels, and of healthy hosts that look like them: the rules of today still give the right findings.
// `npm run bench:verdicts -- --record` records them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { objections, unpackFixture } from '../../test/snapshots/fixture.ts';

const FOLDER = 'src/diagnosis/fixtures';
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json.gz'));

test('there are fixtures', () => assert.ok(files.length >= 40, `${files.length}`));

for (const file of files) {
  test(file, () => {
    assert.deepEqual(objections(unpackFixture(readFileSync(join(FOLDER, file)))), []);
  });
}
