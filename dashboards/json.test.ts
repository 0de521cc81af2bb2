// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The committed JSON is what the code makes, and every panel has a description and a fitting unit.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { HOST_TIER, TAP_TIER } from '../src/fleet/tier.ts';
import { listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { asJson, written } from './dashboard-files.ts';
import { FACTOR_TIER } from './promql/factor-tier.ts';
import { marksOf, panelsOf, type ShownPanel, variablesOf } from './promql/panel-queries.ts';
import { BESIDE } from './promql/process-query.ts';
import { catalogue } from './promql/query.ts';

const folder = new URL('json/', import.meta.url);
/** The dashboard Fleet asks for recorded series alone; all other dashboards ask for the agents' own. */
const RECORDED = [...TAP_TIER, ...HOST_TIER, ...FACTOR_TIER].map(({ record }) => record);
const ofAgents = written.filter(({ name }) => name !== 'fleet');
const panels = written.flatMap(({ dashboard }) => panelsOf(dashboard));

test('the JSON is fresh (UPDATE=1 writes it)', () => {
  for (const { name, dashboard } of written) {
    const path = new URL(`${name}.json`, folder);
    if (process.env.UPDATE === '1') writeFileSync(path, asJson(dashboard));
    assert.equal(readFileSync(path, 'utf8'), asJson(dashboard), `${name}.json`);
  }
  assert.deepEqual(readdirSync(folder).sort(), written.map(({ name }) => `${name}.json`).sort());
});

test('names and numbers are unique', () => {
  for (const { dashboard } of written) {
    const ids = listAt(parseJson(asJson(dashboard)), 'panels').map((panel) => Reflect.get(Object(panel), 'id'));
    assert.equal(new Set(ids).size, ids.length);
    const titles = panelsOf(dashboard).map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
  }
  const uids = written.map(({ dashboard }) => textAt(dashboard, 'uid'));
  assert.equal(new Set(uids).size, written.length);
});

test('no panel passes the edge of the 24 columns', () => {
  for (const { title, place } of panels) assert.ok(place.x + place.w <= 24, title);
});

test('links lead to a dashboard that there is, and set variables that it has', () => {
  const links = written.flatMap(
    ({ dashboard }) => asJson(dashboard).match(/\/d\/[^"\\]+\?[^"\\]+(?:\\"[^"\\]*)*/g) ?? [],
  );
  assert.ok(links.length >= 4);
  for (const link of links) {
    const target = written.find(({ dashboard }) => link.startsWith(`/d/${dashboard.uid}?`));
    const known = target && variablesOf(target.dashboard).map(({ name }) => name);
    const set = [...link.matchAll(/var-(\w+)=/g)].map(([, name = '']) => name);
    assert.ok(set.length >= (link.startsWith('/d/tapscope-host?') ? 1 : 3), link);
    for (const name of set) assert.ok(known?.includes(name), `${link}: ${name}`);
  }
});

test('dashboards of many hosts are linked from every other one, with what was chosen', () => {
  const many = written.filter(({ name }) => name !== 'queue' && name !== 'vm').map(({ dashboard }) => dashboard.uid);
  for (const { dashboard } of written) {
    const links = dashboard.links ?? [];
    assert.deepEqual(
      links.map(({ url }) => url),
      many.filter((uid) => uid !== dashboard.uid).map((uid) => `/d/${uid}`),
    );
    assert.ok(links.every(({ includeVars, keepTime }) => includeVars && keepTime));
  }
});

test('every metric of the catalogue is on a dashboard, but for those of --detail cpu and --otlp, those on demand and those to join with', () => {
  const shown = new Set(panels.flatMap(({ queries }) => queries.flatMap(({ expr }) => metricsOf(expr))));
  const hidden = catalogue.map(({ name }) => name).filter((name) => !shown.has(name));
  assert.deepEqual(hidden, [
    'tapscope_vhost_worker_affinity_info',
    'tapscope_queue_freed_packets_total',
    'tapscope_queue_cpu_offered_packets_total',
    'tapscope_queue_cpu_dropped_packets_total',
    'tapscope_queue_cpu_softirq_sent_packets_total',
    'tapscope_device_pod_info',
    'tapscope_otlp_exports_total',
    'tapscope_otlp_lost_records_total',
  ]);
});

test('every query names metrics of the catalogue, takes rates of counters only, and has the unit of its metric', () => {
  for (const { title, queries } of panels) {
    for (const { expr, unit } of queries) {
      const names = metricsOf(expr);
      assert.ok(names.length > 0, title);
      for (const name of names) {
        const own = RECORDED.includes(name) ? { type: 'gauge' } : catalogue.find((one) => one.name === name);
        const metric = own ?? BESIDE[name];
        assert.ok(metric, `${title}: ${name}`);
        const ofTime = new RegExp(`(rate|increase)\\(${name}(_bucket)?\\{`).test(expr);
        assert.equal(ofTime, metric.type !== 'gauge', `${title}: rate of ${name}`);
      }
      if (unit !== undefined) assert.equal(unit, unitOf(expr), `${title}: ${expr}`);
    }
  }
});

test('what is shown as one figure or a table is that of now, not the last of a time in which its agent died', () => {
  const now = panels.filter(({ type }) => type === 'stat' || type === 'table');
  assert.ok(now.length > 20);
  for (const { title, queries } of now) assert.ok(queries.length > 0 && queries.every(({ instant }) => instant), title);
  const graphs = written.flatMap(({ dashboard }) => asJson(dashboard).match(/"graphMode": "\w+"/g) ?? []);
  assert.deepEqual([...new Set(graphs)], ['"graphMode": "none"']);
});

test('what the fleet is asked for is sent on by the shards', () => {
  const fleet = written.find(({ name }) => name === 'fleet') ?? assert.fail();
  const names = panelsOf(fleet.dashboard).flatMap(({ queries }) => queries.flatMap(({ expr }) => metricsOf(expr)));
  for (const name of names) assert.match(name, /^(tap|host|factor):/);
});

test('every dashboard of agents marks findings, by queries that narrow to what is chosen', () => {
  for (const { name, dashboard } of ofAgents) {
    const marks = marksOf(dashboard);
    assert.equal(marks.length, 2, name);
    for (const { expr } of marks) {
      const narrowed =
        name === 'agent'
          ? /tapscope_finding\{instance=~"\$instance",severity="(critical|warning)",device=""\}/
          : /tapscope_finding\{[^}]*device=~?"\$device"[^}]*severity="(critical|warning)"/;
      assert.match(expr, narrowed, name);
      for (const metric of metricsOf(expr))
        assert.ok(
          catalogue.some((one) => one.name === metric),
          metric,
        );
    }
  }
});

test('titles say the direction of packets in words', () => {
  const ofPackets = panels.filter(({ queries }) => queries.some(({ unit }) => unit === 'pps'));
  assert.ok(ofPackets.length > 5);
  for (const { title, tells } of ofPackets)
    assert.match(`${title} ${tells}`, /\b(to(wards)?|from) (the )?(guest|reader)/, title);
  for (const { title, tells } of panels) assert.match(tells, /\.$/, title);
});

function metricsOf(expr: string): readonly string[] {
  const names = expr.match(/(?:\w+:)?tapscope_[\w:]+|\b(?:process|nodejs|scrape)_\w+(?=\{)/g) ?? [];
  return names.map((name) => name.replace(/_bucket$/, ''));
}

/** The unit that the first metric's name implies, as metrics of the catalogue are named. */
function unitOf(expr: string): ShownPanel['queries'][number]['unit'] {
  const name = metricsOf(expr)[0] ?? '';
  if (/scalar\(|_over_time\(/.test(expr)) return 'short';
  if (/_packet_seconds_total\{.* \/ /.test(expr)) return 's'; // by packets
  if (name.includes(':ratio')) return /^count|^sum\(count/.test(expr) ? 'short' : 'percentunit';
  if (name.endsWith('_packets:rate5m')) return / \/ \(/.test(expr) ? 'percentunit' : 'pps';
  if (/\) \/ \(|\w\} \/ |^count/.test(expr))
    return expr.includes('bool') || expr.startsWith('count') ? 'short' : 'percentunit';
  if (expr.includes('increase(')) return 'short';
  if (name.endsWith('_seconds_total')) return 'percentunit';
  if (name.endsWith('_packets_total')) return 'pps';
  if (name.endsWith('_bytes_total')) return 'Bps';
  if (name.endsWith('_bytes')) return 'bytes';
  if (name.endsWith('_total')) return 'cps';
  if (name.endsWith('_seconds')) return 's';
  return name.endsWith('_ratio') ? 'percentunit' : 'short';
}
