// SPDX-License-Identifier: Apache-2.0
// npm run fleet:prove: a few real agents that lose packets, and made-up hosts beside them, into three Thanos receivers of which one is killed and
// started again. HOSTS=1000 TAPS=100 EVERY=60 MINUTES=10 AGENTS=8 are what the sizes of docs/fleet.md ask for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { clientOf, type Prometheus } from '../../dashboards/test/prometheus.ts';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { finished, launch } from '../../test/agent/serve-process.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { run } from '../../test/host/run.ts';
import { program, type Scope } from '../../test/host/scope.ts';
import { slowness } from '../../test/host/slowness.ts';
import { type Engine, FLEET, provideEngines, startEngines } from './engines.ts';
import { type Batch, batchOf, send, type WrittenSeries } from './remote-write.ts';
import { JOB, seriesOf, templateOf } from './tier-series.ts';

const size = (name: string, otherwise: number): number => Number(process.env[name] || otherwise);
const HOSTS = size('HOSTS', 1000);
const TAPS = size('TAPS', 100);
const EVERY_S = size('EVERY', 60);
const TURNS = Math.ceil((60 * size('MINUTES', 10)) / EVERY_S);
const AGENTS = size('AGENTS', 8);
const BATCH = 5000;
const QUERIES = 100;
const MOST_P99_S = 2;
const WITHIN_MS = 120_000;
const TENANTS = 'sum by (value) (factor:tapscope_lost_packets:rate5m{factor="tenant"})';
const OFFERED = 'tap:tapscope_offered_packets:sum';
/** Written to by all made-up hosts; another one is killed. */
const WRITTEN = 'http://127.0.0.1:19291/api/v1/receive';
const KILLED = 'receive-2';

async function main(t: Scope): Promise<void> {
  const missing = await provideEngines(FLEET);
  if (missing) throw new Error(missing);
  const folder = temporaryFolder(t);
  const series = seriesOf(await templateOf(t, folder), HOSTS, TAPS);
  const agents = await agentsThatLose(t, AGENTS);
  const fast = (name: string): [string, string] => [
    name,
    readFileSync(`deploy/fleet/${name}`, 'utf8').replaceAll('interval: 60s', 'interval: 5s').replaceAll('15s', '5s'),
  ];
  const files = Object.fromEntries([
    ...['shard-0.yml', 'shard-1.yml', 'tapscope-fleet.yml'].map(fast),
    ['targets.yml', JSON.stringify([{ targets: agents.instances }])],
  ]);
  const engines = await startEngines(t, FLEET, { folder, files });
  const killed = engines.get(KILLED) ?? assert.fail(KILLED);
  const query = clientOf(engines.get('query')?.url ?? assert.fail());
  console.log(
    `${HOSTS} made-up hosts, ${series.length} series, ${Math.round(series.length / EVERY_S)} samples/s; ${AGENTS} agents`,
  );

  const batches = Array.from({ length: Math.ceil(series.length / BATCH) }, (_, index) =>
    batchOf(series.slice(index * BATCH, (index + 1) * BATCH)),
  );
  const playing = agents.play();
  await write(batches, killed);
  await playing;
  // The queries come at once: five minutes after its last sample an engine shows a series no more.
  await clock(query, series);
  await complete(query, series);
  const offered = series.filter(({ labels }) => labels.__name__ === OFFERED);
  const expected = offered.reduce((sum, { value }) => sum + value(TURNS - 1), 0);
  await equal(query, `sum(${OFFERED}{job="${JOB}"})`, expected);
  console.log(`sum of the made-up hosts: ${expected} packets, equal`);
  for (const { instance, offered: own, dropped } of await agents.sums()) {
    await equal(query, `sum(${OFFERED}{instance="${instance}",${agents.ours}})`, own);
    await equal(query, `sum(tap:tapscope_ring_lost_packets:sum{instance="${instance}",${agents.ours}})`, dropped);
    console.log(`${instance}: ${own} offered, ${dropped} dropped, equal`);
  }
}

/** Every EVERY_S one sample of each series. In the second third of the time one receiver is down. */
async function write(batches: readonly Batch[], killed: Engine): Promise<void> {
  const start = Date.now();
  let refused = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    if (turn === Math.floor(TURNS / 3)) {
      await killed.kill();
      console.log(`turn ${turn} of ${TURNS}: ${killed.name} killed`);
    }
    if (turn === Math.floor((2 * TURNS) / 3)) {
      await killed.start();
      console.log(`turn ${turn} of ${TURNS}: ${killed.name} started`);
    }
    const time = start + turn * EVERY_S * 1000;
    for (const batch of batches) refused += await send(WRITTEN, batch, turn, time);
    const early = time + EVERY_S * 1000 - Date.now();
    if (early > 0) await wait(early);
    else console.log(`turn ${turn} of ${TURNS} took ${Math.round(-early / 1000)} s too long`);
  }
  console.log(`written in ${Math.round((Date.now() - start) / 1000)} s, ${refused} requests were repeated`);
}

/** Checks that the engines have all samples that were sent, counted by the name of the series. */
async function complete(query: Prometheus, series: readonly WrittenSeries[]): Promise<void> {
  const range = `${TURNS * EVERY_S + 300}s`;
  const names = series.map(({ labels }) => labels.__name__ ?? '');
  for (const name of new Set(names)) {
    const sent = TURNS * names.filter((one) => one === name).length;
    await equal(query, `sum(count_over_time(${name}{job="${JOB}"}[${range}]))`, sent);
  }
  console.log(`${series.length * TURNS} samples sent, as many found: 0 lost`);
}

async function equal(query: Prometheus, expr: string, expected: number): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  let found: number | undefined;
  do {
    found = (await query.query(expr))[0]?.points[0]?.[1];
    if (found === expected) return;
    await wait(2000);
  } while (performance.now() < deadline);
  throw new Error(`${expr} is ${found}, and not ${expected}.`);
}

async function clock(query: Prometheus, series: readonly WrittenSeries[]): Promise<void> {
  const ofTenants = series.filter(({ labels }) => labels.factor === 'tenant').map(({ labels }) => labels.value);
  const tenants = new Set(ofTenants).size;
  const seconds: number[] = [];
  for (let count = 0; count < QUERIES; count++) {
    const from = performance.now();
    const found = (await query.query(TENANTS)).length;
    seconds.push((performance.now() - from) / 1000);
    // The agents have some tenants of their own.
    assert.ok(found >= tenants, `${found} tenants are found, and not ${tenants}`);
  }
  seconds.sort((a, b) => a - b);
  const p99 = seconds[Math.ceil(0.99 * QUERIES) - 1] ?? Number.POSITIVE_INFINITY;
  console.log(
    `${tenants} tenants: p50 ${seconds[QUERIES / 2]?.toFixed(3)} s, p99 ${p99.toFixed(3)} s of ${QUERIES} queries`,
  );
  const slower = await slowness();
  console.log(`limit ${MOST_P99_S} s at rest; this machine is ${slower.toFixed(1)} times as slow now`);
  assert.ok(p99 <= MOST_P99_S * slower, `p99 ${p99} s`);
}

// Real agents on one kernel, each in a network namespace of its own, for there is one agent in each; a tap in a namespace for each of them
// overflows, and all agents count all of these.

/** Packets a burst, into a ring of 100 that is emptied after it. */
const BURST = 250;
const ROUNDS = 20;
const PORT = 10747;

interface LosingAgents {
  readonly instances: readonly string[];
  /** A matcher: all agents see the taps of other programs on this machine too. */
  readonly ours: string;
  play(): Promise<void>;
  /** What each agent's page says, summed over its queues. */
  sums(): Promise<readonly { readonly instance: string; readonly offered: number; readonly dropped: number }[]>;
}

async function agentsThatLose(t: Scope, number: number): Promise<LosingAgents> {
  const places = await Promise.all(
    Array.from({ length: number }, async () => {
      const lab = await namespaceLab(t);
      const testReader = await lab.testReader();
      await testReader.open('guest', 'vnet0', 'tap');
      return { netns: String(lab.inode), testReader, peer: await lab.raise('vnet0', 100) };
    }),
  );
  const ours = places.map(({ netns }) => netns).join('|');
  const instances: string[] = [];
  for (let index = 0; index < number; index++) instances.push(await startApart(t, index));
  return {
    instances,
    ours: `netns=~"${ours}"`,
    play: async () => {
      for (let round = 0; round < ROUNDS; round++)
        for (const { testReader, peer } of places) {
          await testReader.udp(peer, 9, BURST, 64);
          await testReader.read('guest', 'all');
        }
    },
    sums: () => Promise.all(instances.map((instance) => sumsOf(instance, ours))),
  };
}

async function sumsOf(instance: string, ours: string): Promise<{ instance: string; offered: number; dropped: number }> {
  const page = (await pageOf(instance)) ?? '';
  const sum = (name: string): number =>
    [
      ...page.matchAll(new RegExp(`^tapscope_queue_${name}_packets_total\\{netns="(?:${ours})".*\\} (\\d+)$`, 'gm')),
    ].reduce((total, [, value]) => total + Number(value), 0);
  return { instance, offered: sum('offered'), dropped: sum('dropped') };
}

async function pageOf(instance: string): Promise<string | undefined> {
  const answer = await fetch(`http://${instance}/metrics`).catch(() => undefined);
  return answer?.ok ? answer.text() : undefined;
}

/** host:port of an agent behind a veth. */
async function startApart(t: Scope, index: number): Promise<string> {
  const namespace = `prove${index}-${process.pid}`;
  const [here, there] = [`prove${index}h`, `prove${index}a`];
  const ip = (...words: readonly string[]): Promise<unknown> => run('ip', words);
  await ip('netns', 'add', namespace);
  t.after(() => ip('netns', 'del', namespace));
  await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', namespace);
  await ip('addr', 'add', `10.231.${index}.1/30`, 'dev', here);
  await ip('link', 'set', here, 'up');
  await ip('-n', namespace, 'addr', 'add', `10.231.${index}.2/30`, 'dev', there);
  await ip('-n', namespace, 'link', 'set', there, 'up');
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  const instance = `10.231.${index}.2:${PORT}`;
  const own = 'mkdir -p /run/tapscope; mount -t tmpfs none /run/tapscope; exec "$@"';
  const wrapper = ['ip', 'netns', 'exec', namespace, 'sh', '-c', own, 'sh'];
  const agent = launch(['serve', `--web.listen-address=${instance}`, '--budget=off'], { wrapper });
  const end = finished(agent);
  t.after(async () => {
    agent.kill('SIGKILL');
    await end;
  });
  const deadline = performance.now() + WITHIN_MS;
  while (!(await pageOf(instance))?.includes('tapscope_probe_attached')) {
    if (agent.exitCode !== null) throw new Error(`The agent ended: ${(await end).stderr}`);
    if (performance.now() > deadline) throw new Error(`The agent at ${instance} does not answer.`);
    await wait(200);
  }
  return instance;
}

await program((_, t) => main(t));
