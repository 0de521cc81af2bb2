// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { written } from '../dashboard-files.ts';
import { panelsOf } from '../promql/panel-queries.ts';

test('the pictures show every panel (UPDATE=1 with the test of the queries draws them)', () => {
  for (const { name, dashboard } of written) {
    const picture = readFileSync(new URL(`../../docs/dashboard-${name}.svg`, import.meta.url), 'utf8');
    const missing = panelsOf(dashboard).filter(({ title }) => !picture.includes(`>${title}</text>`));
    assert.deepEqual(
      missing.map(({ title }) => title),
      [],
    );
  }
});
