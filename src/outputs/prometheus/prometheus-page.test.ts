// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The fast page is byte for byte what prom-client's own registry writes, over random hosts whose devices and queues come and go.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { type Random, randomOf, seedOf } from '../../../test/host/random.ts';
import { type AnyRegistry, fillRegistry } from '../../../test/snapshots/client-registry.ts';
import { goldenBuild, goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../../snapshot/device.ts';
import { type Distribution, histogram } from '../../snapshot/metric.ts';
import type { Identity } from '../../snapshot/owner.ts';
import type { Queue } from '../../snapshot/queue.ts';
import type { Detail } from './detail.ts';
import { familyOf, type MetricRows } from './families.ts';
import { MetricsPage, type PrometheusOptions, type Seen } from './prometheus-page.ts';
import { createOwner } from './series-owner.ts';
import { createSlices } from './slices.ts';
import { contentTypes, page } from './text.ts';

const oddNames = ['tap0', 'tap0', 'a"b', 'back\\slash', 'new\nline', 'é~{}=,#', '\\"', '\\n', '0', '\u{1f600}', ' '];
const oddValues = [0, 1, -1, 0.1, 1e21, -1e-7, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = random.pick(items);
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

function randomQueue(random: Random, template: Queue, index: number): Queue {
  const count = () => random.below(1e6);
  const reasons = ['FULL_RING', 'TAP_FILTER', ...oddNames.slice(2)].slice(0, random.below(6));
  const counters = {
    offered: count(),
    offeredBytes: 2 ** 53 + count(),
    enqueued: count(),
    dropped: reasons.map((reason) => ({ reason, packets: count() })),
    consumed: random.below(2) === 0 ? undefined : { read: count(), vhost: count() },
    purged: count(),
    resized: count(),
    failed: count(),
    unproduced: count(),
    overflowed: count(),
    delivered: random.below(2) === 0 ? undefined : count(),
  };
  return {
    ...template,
    index,
    counters: random.below(4) === 0 ? undefined : counters,
    perCpu: [0, 1, 2]
      .slice(random.below(4))
      .map((cpu) => ({ cpu, offered: count(), dropped: count(), sentBySoftirq: 0 })),
    vhost: random.below(3) === 0 ? undefined : template.vhost,
    owner:
      random.below(3) === 0
        ? undefined
        : { pid: random.below(9), comm: pick(random, oddNames), startedAt: undefined, identity: identity(random) },
    audit: [{ equation: 'ring', imbalance: pick(random, oddValues) }],
    degraded: random.below(2) === 0 ? [] : ['why'],
  };
}

function identity(random: Random): Identity | undefined {
  if (random.below(3) === 0) return undefined;
  const odd = (): string => pick(random, oddNames);
  return { program: odd(), vm: odd(), uuid: odd(), runtime: odd(), container: odd(), pod: odd(), unit: odd() };
}

function randomDevice(random: Random, id: number): Device {
  const template = pick(random, goldenSnapshot.devices);
  const queue = template.queues[0];
  if (queue === undefined) throw new Error('the golden host has a device without a queue');
  return {
    ...template,
    netns: 1 + random.below(3),
    name: pick(random, oddNames),
    id: String(id),
    queues: Array.from({ length: random.below(4) }, (_, index) => randomQueue(random, queue, index)),
  };
}

/** Each another rule: no two findings have the same labels. */
function randomFindings(random: Random): Seen['findings'] {
  return Array.from({ length: random.below(5) }, (_, index) => ({
    rule: `rule-${index}`,
    severity: pick(random, ['info', 'warning', 'critical']),
    netns: random.below(3) === 0 ? undefined : random.below(3),
    device: random.below(3) === 0 ? undefined : pick(random, oddNames),
    queue: random.below(2) === 0 ? undefined : random.below(4),
  }));
}

function ownMetrics(registers: AnyRegistry[]): void {
  new Counter({ name: 'own_runs_total', help: 'A counter.', labelNames: ['why'], registers }).inc({ why: 'a"\\\n' }, 3);
  new Gauge({ name: 'own_level', help: 'A back\\slash and a\nline.', registers }).set(Number.NaN);
  const histogram = new Histogram({
    name: 'own_seconds',
    help: 'A histogram.',
    labelNames: ['kind'],
    buckets: [0.1, 1],
    registers,
  });
  histogram.observe({ kind: 'x' }, 0.5);
  histogram.observe({ kind: 'y' }, 5);
}

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
  test(`both formats equal prom-client's, --detail ${detail}`, async (t) => {
    const random = randomOf(seedOf(t));
    const options: PrometheusOptions = { detail, build: { ...goldenBuild, kernel: 'a"b\\c\nd' } };
    const own = new Registry();
    ownMetrics([own]);
    const page = new MetricsPage(options, own);
    const before = new Map<number, Device>();
    for (let scrape = 0; scrape < 40; scrape += 1) {
      // Few ids: the same device is seen again as the same object, or with other names, queues and values.
      const ids = [...new Set(Array.from({ length: random.below(12) }, () => random.below(8)))];
      const devices = ids.map((id) => (random.below(2) === 0 && before.get(id)) || randomDevice(random, id));
      for (const device of devices) before.set(Number(device.id), device);
      const agent = random.below(5) === 0 ? undefined : goldenSnapshot.agent;
      await comparePages(page, {
        devices,
        agent,
        snapshotAgeSeconds: pick(random, oddValues),
        snapshotErrors: scrape,
        exposed: random.below(2) === 0,
        findings: randomFindings(random),
      });
    }
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
  const ours = page([familyOf({ metric, rows: 1, visitRow })], 'text', createSlices());
  assert.equal(await text(ours), await registry.metrics());
});

test("content types are prom-client's", () => {
  assert.deepEqual(contentTypes, {
    text: 'text/plain; version=0.0.4; charset=utf-8',
    openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  });
});
