// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The queries of all panels and rules that read a histogram, asked of real Prometheus servers that store classic, native and converted ones: of
// Debian, and with WHOLE=1 of one of 2026, which is built from its module.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { NEWEST_PROMETHEUS as NEWEST, pathOf, provide } from '../../test/host/need.ts';
import { until } from '../../test/host/until.ts';
import { startHistogramHost } from '../../test/snapshots/histogram-host.ts';
import { isWhole } from '../../test/whole.ts';
import { written } from '../dashboard-files.ts';
import { filledIn, panelsOf } from '../promql/panel-queries.ts';
import { catalogue } from '../promql/query.ts';
import { alertsOf, healthOf } from './firing.ts';
import { type Program, type Prometheus, startPrometheus } from './prometheus.ts';
import { RULE_FILES } from './rule-files.ts';

interface Way {
  readonly name: string;
  readonly isNewest: boolean;
  readonly flags?: readonly string[];
  /** Of its configuration. */
  readonly global?: object;
  readonly stores: readonly ('native' | 'classic')[];
  /** The seconds between which it sees the 99th percentile, of 134 to 268 ms. */
  readonly p99: readonly [number, number];
}

/** Between the bounds 67 and 537 ms. */
const CLASSIC = { stores: ['classic'], p99: [0.067, 0.537] } as const;
const NATIVE = { stores: ['native'], p99: [0.125, 0.25] } as const;

const ways: readonly Way[] = [
  { name: 'Debian, classic', isNewest: false, ...CLASSIC },
  { name: 'Debian, native', isNewest: false, flags: ['--enable-feature=native-histograms'], ...NATIVE },
  { name: 'newest, classic', isNewest: true, ...CLASSIC },
  { name: 'newest, native', isNewest: true, global: { scrape_native_histograms: true }, ...NATIVE },
  {
    name: 'newest, classic ones converted',
    isNewest: true,
    global: { convert_classic_histograms_to_nhcb: true },
    stores: ['native'],
    p99: CLASSIC.p99,
  },
  {
    name: 'newest, native and classic',
    isNewest: true,
    global: { scrape_native_histograms: true, always_scrape_classic_histograms: true },
    stores: ['native', 'classic'],
    p99: NATIVE.p99,
  },
];

const RECORDED_WITHIN_MS = 30_000;
const LATE = 'queue:tapscope_late_packets';
const histograms = catalogue.filter(({ type }) => type === 'histogram').map(({ name }) => name);
const panels = written.flatMap(({ dashboard }) => panelsOf(dashboard));
const queries = panels
  .flatMap(({ queries: asked }) => asked)
  .filter(({ expr }) => histograms.some((name) => expr.includes(name)));

async function play(t: TestContext, way: Way, program: Program): Promise<void> {
  const host = await startHistogramHost(t);
  const prometheus = await startPrometheus(t, [host.address], RULE_FILES, { global: way.global ?? {} }, program);
  const late = async () => (await prometheus.query(`{__name__=~"${LATE}.*"}`))[0]?.points[0]?.[1];
  await until(async () => (await late()) !== undefined, RECORDED_WITHIN_MS);
  await wait(2000);

  const stored = (name: string) => firstValue(prometheus, `count({__name__="${name}"})`);
  for (const name of histograms) {
    assert.equal((await stored(name)) !== undefined, way.stores.includes('native'), name);
    assert.equal((await stored(`${name}_bucket`)) !== undefined, way.stores.includes('classic'), name);
  }
  const { address: instance, netns, device, guest } = host;
  const choices = { instance, netns, device, guest, owner: '.*', queue: '.*' };
  assert.ok(queries.length >= 15, `${queries.length}`);
  for (const { expr } of queries) {
    const asked = filledIn(expr, { ...choices, __rate_interval: '8s', __range: '8s' });
    assert.ok(await firstValue(prometheus, `count(${asked})`), `${asked} is empty`);
  }
  const sojourn = queries.find(({ expr }) => /^\(histogram_quantile\(0.99.*sojourn/.test(expr)) ?? assert.fail();
  const p99 = await firstValue(prometheus, filledIn(sojourn.expr, { ...choices, __rate_interval: '8s' }));
  assert.ok(p99 && p99 >= way.p99[0] && p99 <= way.p99[1], `p99 is ${p99}`);

  assert.deepEqual(await healthOf(prometheus), []);
  const ratio = (await late()) ?? assert.fail();
  t.diagnostic(`late ${ratio}, p99 ${p99} s`);
  assert.ok(Math.abs(ratio - host.late) < 0.005, `${ratio} are late`);
  const delay = (await alertsOf(prometheus)).find(({ name }) => name === 'TapscopeRingDelay');
  assert.deepEqual([...new Set(delay?.active.map(({ labels }) => labels.device))], [device]);
}

async function firstValue(prometheus: Prometheus, expr: string): Promise<number | undefined> {
  return (await prometheus.query(expr))[0]?.points[0]?.[1];
}

for (const way of ways)
  test(way.name, { timeout: 2_400_000 }, async (t) => {
    const builds = way.isNewest && (isWhole || pathOf(NEWEST.file));
    const missing = way.isNewest && (builds ? await provide([NEWEST]) : `WHOLE=1 builds ${NEWEST.file}`);
    if (missing) return t.skip(missing);
    const file = (way.isNewest && pathOf(NEWEST.file)) || 'prometheus';
    await play(t, way, { file, flags: way.flags ?? [] });
  });
