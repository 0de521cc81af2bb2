// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// A real Prometheus scrapes a real server in both text formats, and its HTTP API gives back every value of the snapshot.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { heardLog } from '../../test/agent/heard-log.ts';
import { freePort } from '../../test/host/free-port.ts';
import { labelsOf, samplesOf } from '../../test/snapshots/client-registry.ts';
import { cataloguePage, goldenBuild, goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { packageRoot } from '../kernel/package.ts';
import type { Detail } from '../outputs/prometheus/detail.ts';
import type { MetricRows } from '../outputs/prometheus/families.ts';
import type { Format } from '../outputs/prometheus/formats.ts';
import type { AgentState, CountingProcess } from '../snapshot/snapshot.ts';
import { createObserver } from './observer.ts';
import { startServer } from './server.ts';

const prometheusOptions = { detail: 'cpu' satisfies Detail, build: goldenBuild } as const;
const deadlineMs = 60_000;

type TextFormat = Exclude<Format, 'protobuf'>;
const formats: readonly TextFormat[] = ['text', 'openmetrics'];

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
  return address.port;
}

/** Passes scrapes on. Prometheus 2 cannot be told to want text: for that a proxy leaves out what it wants. */
async function startProxy(t: TestContext, target: string, format: TextFormat, seenTypes: Set<string>): Promise<number> {
  const proxy = createServer((request, response) => {
    const { accept, ...others } = request.headers;
    const headers = format === 'openmetrics' ? { ...others, accept } : others;
    get(`http://${target}${request.url}`, { headers }, (page) => {
      seenTypes.add(`${format}: ${page.headers['content-type']}, ${page.headers['content-encoding']}`);
      response.writeHead(page.statusCode ?? 500, page.headers);
      page.pipe(response);
    }).on('error', () => response.destroy());
  });
  t.after(() => proxy.close().closeAllConnections());
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return portOf(proxy);
}

/** One job for each format; returns the address of its HTTP API. */
async function startPrometheus(t: TestContext, ports: Readonly<Record<TextFormat, number>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-prometheus-'));
  const jobs = formats.map((job) => ({ job_name: job, static_configs: [{ targets: [`127.0.0.1:${ports[job]}`] }] }));
  // JSON is YAML too.
  const config = JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs });
  await writeFile(join(folder, 'prometheus.yml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--log.level=error',
  ];
  const prometheus = spawn('prometheus', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  t.after(async () => {
    if (prometheus.exitCode === null && prometheus.kill('SIGKILL')) await once(prometheus, 'exit');
    await rm(folder, { recursive: true, force: true });
  });
  await once(prometheus, 'spawn');
  return `http://${address}`;
}

type Series = readonly (readonly [labels: string, value: number])[];

function comparable(labels: readonly (readonly [string, string])[], value: number): Series[number] {
  const known = labels.filter(([, text]) => text !== '').map(([name, text]) => `${name}=${JSON.stringify(text)}`);
  return [known.sort().join(), value];
}

/** Asks for the values at `time`, in seconds; without it, for those of now. */
async function query(api: string, expression: string, time = Date.now() / 1000): Promise<Series> {
  const asked = new URLSearchParams({ query: expression, time: String(time) });
  const response = await fetch(`${api}/api/v1/query?${asked}`);
  const answer: { data: { result: { metric: Record<string, string>; value: [number, string] }[] } } = JSON.parse(
    await response.text(),
  );
  return answer.data.result
    .map(({ metric: { job, instance, ...labels }, value }) => comparable(Object.entries(labels), Number(value[1])))
    .sort();
}

function expected(rows: MetricRows): Series {
  return samplesOf(rows)
    .map((sample) => {
      const name = `${rows.metric.name}${sample.suffix ?? ''}`;
      return comparable([['__name__', name], ...labelsOf(rows.metric, sample)], sample.value);
    })
    .sort();
}

function selector({ name, type }: MetricRows['metric'], job: TextFormat): string {
  const names = type === 'histogram' ? `${name}_(bucket|sum|count)` : name;
  return `{__name__=~"${names}",job="${job}"}`;
}

/** When each format was scraped: all series are there at that moment; a late scrape may change them. */
async function scraped(api: string): Promise<ReadonlyMap<TextFormat, number>> {
  const moments = new Map<TextFormat, number>();
  for (const end = Date.now() + deadlineMs; Date.now() < end; await setTimeout(200)) {
    for (const job of formats) {
      const up = `up{job="${job}"}`;
      const [answered] = await query(api, `timestamp(${up}) and ${up} == 1`).catch(() => []);
      // A little later, for the moment goes to Prometheus as a decimal fraction.
      if (answered) moments.set(job, answered[1] + 0.01);
    }
    if (moments.size === formats.length) return moments;
  }
  throw new Error(`Prometheus did not scrape both formats within ${deadlineMs / 1000} s`);
}

/** The first serving process never restarted: since when its counters count is known. */
const { agent } = goldenSnapshot;
const snapshot = { ...goldenSnapshot, agent: { ...agent, counting: { ...counting(agent), servingRestarts: 0 } } };

function counting({ counting: known }: AgentState): CountingProcess {
  return known ?? assert.fail('the golden snapshot has it');
}

test('Prometheus reads both text formats, and times of creation where they are asked for', {
  timeout: 2 * deadlineMs,
}, async (t) => {
  const server = await startServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      allowedHosts: [],
      prometheus: { ...prometheusOptions, created: true },
      pageFolder: join(packageRoot(), 'dist/src/page'),
    },
    {
      takeSnapshot: async () => ({ ...snapshot, takenAt: Date.now() / 1000 }),
      log: heardLog(),
      observer: createObserver(),
      notReady: () => undefined,
    },
  );
  t.after(() => server.close());
  const types = new Set<string>();
  const text = await startProxy(t, server.address, 'text', types);
  const openmetrics = await startProxy(t, server.address, 'openmetrics', types);
  const api = await startPrometheus(t, { text, openmetrics });
  const moments = await scraped(api);
  const seen = { ...snapshot, snapshotAgeSeconds: undefined, snapshotErrors: 0, exposed: false, findings: [] };
  for (const rows of await cataloguePage(prometheusOptions.detail).rows(seen)) {
    for (const job of formats) {
      if (rows.metric.name === 'tapscope_snapshot_age_seconds') continue;
      const answer = await query(api, selector(rows.metric, job), moments.get(job));
      assert.deepEqual(answer, expected(rows), `${rows.metric.name} ${job}`);
    }
  }
  const created = (job: TextFormat) => query(api, `{__name__=~".+_created",job="${job}"}`, moments.get(job));
  assert.deepEqual(await created('text'), []);
  const times = await created('openmetrics');
  t.diagnostic(`${times.length} series tell since when they count`);
  assert.ok(times.length > 100);
  const began = performance.timeOrigin / 1000;
  assert.ok(times.every(([, value]) => Math.abs(value - began) < 1e-3));
  assert.deepEqual([...types].sort(), [
    'openmetrics: application/openmetrics-text; version=1.0.0; charset=utf-8, gzip',
    'text: text/plain; version=0.0.4; charset=utf-8, gzip',
  ]);
});
