// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus, python3-prometheus-client.
// The whole page of a small host, to the byte, as a reader sees it. UPDATE=1 writes it anew: look at the difference before you commit it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cataloguePage, goldenBuild, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import { recordedHosts } from '../../../test/snapshots/recorded-hosts.ts';
import { details } from './detail.ts';
import { createMetricsPage } from './prometheus-page.ts';

const PARSE = `import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
list(text_string_to_metric_families(sys.stdin.read()))`;

const golden = new URL('prometheus-golden.txt', import.meta.url);
test('the page is the golden one', async () => {
  const page = await text(cataloguePage('cpu').scrape(goldenSeen, 'text'));
  if (process.env.UPDATE === '1') writeFileSync(golden, page);
  assert.equal(page, readFileSync(golden, 'utf8'));
});

/** Golden devices, and each that the lab recorded, idle at the begin of its window and losing at the end. */
const devices = [
  ...goldenSeen.devices,
  ...recordedHosts().flatMap(({ snapshots }) =>
    [snapshots.at(0), snapshots.at(-1)].flatMap((one) => one?.devices ?? []),
  ),
].map((device, index) => ({ ...device, id: `${index}`, name: `${device.name}.${index}` }));
const seen = { ...goldenSeen, devices, takenAt: performance.timeOrigin / 1000 };

/** promtool knows the classic format only; of OpenMetrics the strict parser is that of the Python client. */
const CHECKS = [
  { format: 'text', created: false, command: ['promtool', 'check', 'metrics'] },
  { format: 'openmetrics', created: true, command: ['/usr/bin/python3', '-c', PARSE] },
] as const;

for (const detail of details)
  for (const {
    format,
    created,
    command: [program, ...words],
  } of CHECKS)
    test(`${program} finds no fault with the page of ${format} at --detail ${detail}, the metrics of the process too`, async () => {
      const page = await text(createMetricsPage({ detail, build: goldenBuild, created }).scrape(seen, format));
      const { error, stdout, stderr, status } = spawnSync(program, words, { input: page, encoding: 'utf8' });
      assert.deepEqual([error, stdout, stderr, status], [undefined, '', '', 0]);
    });
