// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The whole page of a small host, to the byte, as a reader sees it. UPDATE=1 writes it anew: look at the difference before you commit it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cataloguePage, goldenBuild, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import { createMetricsPage } from './prometheus-page.ts';

const golden = new URL('prometheus-golden.txt', import.meta.url);
test('the page is the golden one', async () => {
  const page = await text(cataloguePage('cpu').scrape(goldenSeen, 'text'));
  if (process.env.UPDATE === '1') writeFileSync(golden, page);
  assert.equal(page, readFileSync(golden, 'utf8'));
});

test('promtool finds no fault with the page and the metrics of the process', async () => {
  const page = await text(createMetricsPage({ detail: 'cpu', build: goldenBuild }).scrape(goldenSeen, 'text'));
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' });
  assert.deepEqual([promtool.error, promtool.stdout, promtool.stderr, promtool.status], [undefined, '', '', 0]);
});
