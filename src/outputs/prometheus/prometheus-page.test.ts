// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The fast page is byte for byte what prom-client's own registry writes, over random hosts whose devices and queues come and go.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { randomOf, seedOf } from '../../../test/host/random.ts';
import { type AnyRegistry, fillRegistry } from '../../../test/snapshots/client-registry.ts';
import { goldenBuild } from '../../../test/snapshots/golden-snapshot.ts';
import { ownMetrics, randomScrapes } from '../../../test/snapshots/random-host.ts';
import { type Distribution, histogram } from '../../snapshot/metric.ts';
import type { Detail } from './detail.ts';
import type { MetricRows } from './families.ts';
import { contentTypes } from './formats.ts';
import { page } from './page.ts';
import { MetricsPage, type PrometheusOptions, type Seen } from './prometheus-page.ts';
import { createOwner } from './series-owner.ts';
import { createSlices } from './slices.ts';
import { textFamily } from './text-family.ts';

/** The page by prom-client alone. The registry must be fresh: an OpenMetrics page renames its metrics for good. */
async function reference(rows: readonly MetricRows[], registry: AnyRegistry): Promise<string> {
  for (const one of rows) fillRegistry(registry, one);
  ownMetrics([registry]);
  return registry.metrics();
}

async function comparePages(page: MetricsPage, seen: Seen): Promise<void> {
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const rows = await page.rows(seen);
  assert.equal(await text(page.scrape(seen, 'text')), await reference(rows, new Registry()));
  assert.equal(await text(page.scrape(seen, 'openmetrics')), await reference(rows, openMetrics));
}

for (const detail of ['device', 'queue', 'cpu'] satisfies readonly Detail[]) {
  test(`both text formats equal prom-client's, --detail ${detail}`, async (t) => {
    const random = randomOf(seedOf(t));
    const options: PrometheusOptions = { detail, build: { ...goldenBuild, kernel: 'a"b\\c\nd' } };
    const own = new Registry();
    ownMetrics([own]);
    const page = new MetricsPage(options, own);
    for (const seen of randomScrapes(random, 40)) await comparePages(page, seen);
  });
}

test("a histogram equals prom-client's own", async () => {
  const registry = new Registry();
  const theirs = new Histogram({ name: 'wait_seconds', help: 'Waits.', buckets: [1, 2], registers: [registry] });
  for (const value of [0.5, 1, 1.5, 9]) theirs.observe(value);
  const metric = histogram<Distribution>('wait_seconds', 'Waits.', (seen) => seen);
  const owner = createOwner([]);
  const samples = metric.samples({ bounds: [1, 2], buckets: [2, 1, 1], sum: 12 });
  const visitRow: MetricRows['visitRow'] = (_, visit) => {
    for (const [position, { labels, value, suffix }] of samples.entries())
      visit(owner, position, labels, value, suffix);
  };
  const ours = page([textFamily({ metric, rows: 1, visitRow })], 'text', createSlices());
  assert.equal(await text(ours), await registry.metrics());
});

test("content types are prom-client's", () => {
  assert.deepEqual(contentTypes, {
    protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    text: 'text/plain; version=0.0.4; charset=utf-8',
    openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  });
});
