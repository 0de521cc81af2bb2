// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, root on this machine's kernel, prometheus.
// All receivers are down for as many samples as the fleet tier has in an hour. The shards keep them and send them later; the agent, which is only
// asked, takes no part in it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { clientOf, type Prometheus } from '../../dashboards/test/prometheus.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { FLEET, provideEngines, startEngines } from './engines.ts';

/** A sample a minute is recorded for an hour: here one a second, and scraped as often. */
const SAMPLES_OF_AN_HOUR = 60;
const BEFORE_S = 10;
const WITHIN_MS = 120_000;
/** The agent may grow by what V8 has not collected yet. */
const MOST_GROWTH_BYTES = 20e6;
const RECORDED = 'host:tapscope_taps:count';

test('receivers that are down for an hour of samples get them all', {
  skip: noLab || (await provideEngines(FLEET)),
  timeout: 2_400_000,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'vnet0', 'tap');
  const agent = await startAgent(t, ['--budget=off']);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-down-'));
  const each = (name: string): [string, string] => [
    name,
    readFileSync(`deploy/fleet/${name}`, 'utf8').replaceAll('interval: 60s', 'interval: 1s').replaceAll('15s', '1s'),
  ];
  const files = Object.fromEntries([
    ...['shard-0.yml', 'shard-1.yml', 'tapscope-fleet.yml'].map(each),
    ['targets.yml', JSON.stringify([{ targets: [new URL(agent.url).host] }])],
  ]);
  // Steps of `after` run in their order: the engines write into the folder until they are killed.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const engines = await startEngines(t, FLEET, { folder, files, only: /^(shard-\d|receive-\d|query)$/ }).finally(() =>
    t.after(removeFolder),
  );
  const all = [...engines.values()];
  const receivers = all.filter(({ name }) => name.startsWith('receive-'));
  // A shard has the hosts whose addresses hash to it.
  const shards = all.filter(({ name }) => name.startsWith('shard-')).map(({ url }) => clientOf(url));
  const query = clientOf(engines.get('query')?.url ?? assert.fail());

  await until('the receivers have the agent', async () => (await samplesIn(query, now(), 60)) >= BEFORE_S);
  const residentBefore = agent.residentMemory();
  await Promise.all(receivers.map(({ kill }) => kill()));
  const from = now();
  await wait(1000 * SAMPLES_OF_AN_HOUR);
  const to = now();
  const grown = agent.residentMemory() - residentBefore;
  await Promise.all(receivers.map(({ start }) => start()));

  const kept = (await Promise.all(shards.map((shard) => samplesIn(shard, to, to - from)))).reduce((a, b) => a + b, 0);
  assert.ok(kept >= SAMPLES_OF_AN_HOUR - 10, `the shards recorded ${kept} samples`);
  await until(`the receivers have all ${kept}`, async () => (await samplesIn(query, to, to - from)) === kept);
  t.diagnostic(`${kept} samples while all receivers were down, as many found; the agent grew by ${grown} bytes`);
  assert.ok(grown < MOST_GROWTH_BYTES, `the agent grew by ${grown} bytes`);
});

const now = (): number => Math.floor(Date.now() / 1000);

/** The number of samples in that many seconds before `to`. */
async function samplesIn(engine: Prometheus, to: number, seconds: number): Promise<number> {
  return (await engine.query(`sum(count_over_time(${RECORDED}[${seconds}s]))`, to))[0]?.points[0]?.[1] ?? 0;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await wait(1000);
  }
}
