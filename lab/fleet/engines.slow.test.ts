// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus, victoria-metrics.
// `npm run fleet` as it stands in deploy/fleet, but for faster rules: 40 hosts, of which those with one kernel lose packets. Every query of the
// dashboard Fleet answers from Thanos and from VictoriaMetrics, and both name the kernel.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fleetDashboard } from '../../dashboards/boards/fleet-dashboard.ts';
import { panelsOf } from '../../dashboards/promql/panel-queries.ts';
import { answered } from '../../dashboards/test/answered.ts';
import { answersOf } from '../../dashboards/test/answers.ts';
import { type MadeUpHost, startMadeUpFleet } from '../../dashboards/test/made-up-fleet.ts';
import { clientOf, type Prometheus } from '../../dashboards/test/prometheus.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { until } from '../../test/host/until.ts';
import { isWhole } from '../../test/whole.ts';
import { FLEET, provideEngines, startEngines, VICTORIA } from './engines.ts';

const BAD = '6.12.57+deb13-amd64';
const GOOD = '7.3.4+deb14-amd64';
const BAD_HOSTS = 11;
const WITHIN_MS = 150_000;
const INDEXED_WITHIN_MS = 30_000;

const panels = panelsOf(fleetDashboard());

const hosts = Array.from({ length: 40 }, (_, index): MadeUpHost => {
  const loses = index < BAD_HOSTS;
  const upgraded = index === 0 ? { nextKernel: GOOD } : {};
  return { kernel: loses ? BAD : GOOD, tenant: `tenant-${index % 4}`, loses, ...upgraded };
});

async function play(t: TestContext, file: string, asked: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-engines-'));
  const faster = (name: string): [string, string] => [
    name,
    readFileSync(`deploy/fleet/${name}`, 'utf8')
      .replaceAll('interval: 60s', 'interval: 2s')
      .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 2s'),
  ];
  const from = Date.now() / 1000;
  const fleet = await startMadeUpFleet(t, hosts);
  const files = Object.fromEntries([
    ...['shard-0.yml', 'shard-1.yml', 'vmagent.yml', 'tapscope-fleet.yml'].map(faster),
    ['targets.yml', JSON.stringify([{ targets: fleet.instances }])],
  ]);
  // Steps of `after` run in their order: the engines write into the folder until they are killed.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const engines = await startEngines(t, file, { folder, files }).finally(() => t.after(removeFolder));
  const engine = clientOf(engines.get(asked)?.url ?? assert.fail(asked));
  const named = panels.find(({ title }) => title === 'Common factors') ?? assert.fail();
  const factors = async (): Promise<readonly (string | undefined)[]> => {
    const [answer] = await answersOf(engine, named, {}, { from, to: Date.now() / 1000 });
    return (answer?.series ?? []).map(({ labels }) => labels.value);
  };
  // The host that is upgraded needs time for its second kernel, and the shards to send that.
  await wait(1000 * (fleet.seconds + 10 + from - Date.now() / 1000));
  await until(async () => (await factors()).includes(BAD) && (await hostsOf(engine)) === hosts.length, WITHIN_MS);

  for (const panel of panels) await t.test(`panel '${panel.title}'`, () => soonAnswered(engine, panel, from));
  assert.deepEqual(await factors(), [BAD]);
  const { stdout, stderr } = await tapscope(['fleet', '--url', engine.url, '--since', '2m', '--json']);
  assert.equal(stderr, '');
  const seen = parseJson(stdout);
  assert.deepEqual([listAt(seen, 'hosts').length, listAt(seen, 'taps').length], [hosts.length, 2 * hosts.length]);
  assert.deepEqual([at(seen, 'factors', 0, 'property'), at(seen, 'factors', 0, 'value')], ['kernel', BAD]);
}

/** Engines may answer one query a few seconds before another of the same rule: each panel has half a minute. */
async function soonAnswered(engine: Prometheus, panel: (typeof panels)[number], from: number): Promise<void> {
  let failure: unknown;
  const isAnswered = async (): Promise<boolean> => {
    const asked = { of: 'the fleet', choices: {}, span: { from, to: Date.now() / 1000 }, said: '', panels: () => true };
    failure = await answered(engine, panel, asked).then(
      () => undefined,
      (error: unknown) => error,
    );
    return failure === undefined;
  };
  await until(isAnswered, INDEXED_WITHIN_MS);
  if (failure !== undefined) throw failure;
}

async function hostsOf(engine: Prometheus): Promise<number> {
  return (await engine.query('count(host:tapscope_build_info:count)'))[0]?.points[0]?.[1] ?? 0;
}

const engines = [
  // Thanos takes a quarter of an hour to build on two slow cores.
  ...(isWhole ? [['two shards, three receivers, Query and Ruler of Thanos', FLEET, 'query'] as const] : []),
  ['vmagent, VictoriaMetrics and vmalert', VICTORIA, 'victoria-metrics'] as const,
];

for (const [name, file, asked] of engines)
  test(name, { timeout: 2_400_000 }, async (t) => {
    const missing = await provideEngines(file);
    if (missing) t.skip(missing);
    else await play(t, file, asked);
  });
