// SPDX-License-Identifier: Apache-2.0
// The whole page of a small host, to the byte, as a reader sees it. UPDATE=1 writes it anew: look at the difference before you commit it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { goldenBuild, goldenSnapshot } from './prometheus-golden.ts';
import { createRegistry, FastRegistry, type PrometheusOptions, type Seen } from './registry.ts';

const golden = new URL('prometheus-golden.txt', import.meta.url);
const options: PrometheusOptions = { detail: 'cpu', build: goldenBuild };
const seen: Seen = {
  devices: goldenSnapshot.devices,
  agent: goldenSnapshot.agent,
  snapshotAgeSeconds: 0.25,
  snapshotErrors: 0,
  exposed: false,
  findings: [
    { rule: 'reader-starved', severity: 'critical', netns: 4026531840, device: 'tap0', queue: 0 },
    { rule: 'agent-blind', severity: 'warning', netns: undefined, device: undefined, queue: undefined },
  ],
  exports: {
    counts: [
      { signal: 'metrics', outcome: 'accepted', requests: 60 },
      { signal: 'logs', outcome: 'busy', requests: 2 },
    ],
    lostRecords: 0,
  },
};

test('the page is the golden one', async () => {
  const page = await text(new FastRegistry(options).scrape(seen, 'text'));
  if (process.env.UPDATE === '1') writeFileSync(golden, page);
  assert.equal(page, readFileSync(golden, 'utf8'));
});

test('promtool finds no fault with the page and the metrics of the process', async () => {
  const page = await text(createRegistry(options).scrape(seen, 'text'));
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' });
  assert.deepEqual([promtool.error, promtool.stdout, promtool.stderr, promtool.status], [undefined, '', '', 0]);
});
