// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Snapshots of real faults on real kernels, and of healthy hosts that look like them: the rules of today still give the right findings,
// and with hostile names, commands that can be pasted.
// `npm run bench:verdicts -- --record` records them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { objections, unpackFixture } from '../../test/snapshots/fixture.ts';
import { assertPastedSafely } from '../../test/snapshots/pasted-safely.ts';
import { windowOf } from './window.ts';

const FOLDER = 'src/diagnosis/fixtures';
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json.gz'));

test('there are fixtures', () => assert.ok(files.length >= 40, `${files.length}`));

for (const file of files) {
  test(file, () => {
    const fixture = unpackFixture(readFileSync(join(FOLDER, file)));
    assert.deepEqual(objections(fixture), []);
    const asked = windowOf(fixture.snapshots).devices.findIndex(({ now }) => now.name === fixture.asked);
    assertPastedSafely(fixture.snapshots, asked < 0 ? undefined : asked);
  });
}
