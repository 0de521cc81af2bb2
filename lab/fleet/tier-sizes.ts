// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/fleet/tier-sizes.ts [--write]: the tables of docs/scale.md. A real agent with 100 taps, the series of its page and of the fleet's rules in a
// real Prometheus, each in two sizes; what 10 000 hosts come to is the product.
import assert from 'node:assert/strict';
import { argv } from 'node:process';
import { gzipSync } from 'node:zlib';
import { FACTOR_TIER } from '../../dashboards/promql/factor-tier.ts';
import { HOST_TIER, TAP_TIER } from '../../src/fleet/tier.ts';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { linesOfPage, type PageLine } from '../../test/agent/otlp-samples.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { program, type Scope } from '../../test/host/scope.ts';
import { grouped, markdown, milliseconds, writeSection } from '../report/report.ts';
import { type Cost, costOf } from './measured-engine.ts';
import type { WrittenSeries } from './remote-write.ts';
import { seriesOf, templateOf } from './tier-series.ts';

const TAPS = 100;
const HOSTS = 10_000;
const SHARD = 100;
const SCRAPE_S = 15;
const RULES_S = 60;
const TENANTS = 'sum by (value) (factor:tapscope_lost_packets:rate5m{factor="tenant"})';
const LOSING = 'topk(20, sum by (instance, device) (increase(tap:tapscope_ring_lost_packets:sum[5m])))';
/** Hosts that are written: so many that a series counts beside what Prometheus itself needs. With two sizes there is a price per series. */
const RAW_SIZES = [4, 8];
const FLEET_SIZES = [10, 30];
/** Samples of each series: as many as a chunk of Prometheus holds. */
const TURNS = 120;
const DAY_S = 86_400;
const BLOCKS_A_DAY = 12;

interface Page {
  readonly ofTap: readonly PageLine[];
  readonly ofAgent: readonly PageLine[];
  readonly bytes: number;
  readonly gzipped: number;
  readonly resident: number;
}

/** What a real agent says of a hundred taps with traffic; other taps of this machine are left out. */
async function realPage(t: Scope): Promise<Page> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  const agent = await startAgent(t, ['--budget=off', '--detail=queue']);
  for (let tap = 0; tap < TAPS; tap += 1) {
    await testReader.open(`guest${tap}`, `vnet${tap}`, 'tap');
    const peer = await lab.raise(`vnet${tap}`, 100);
    await testReader.udp(peer, 9, 120, 64);
    await testReader.read(`guest${tap}`, 'all');
  }
  const { text } = await agent.metrics();
  const own = text.split('\n').filter((line) => !/device="/.test(line) || line.includes(`netns="${lab.inode}"`));
  const page = own.join('\n');
  const lines = linesOfPage(page);
  const resident = agent.residentMemory();
  await agent.stop();
  return {
    ofTap: lines.filter(({ labels }) => labels.device !== undefined),
    ofAgent: lines.filter(({ labels }) => labels.device === undefined),
    bytes: Buffer.byteLength(page),
    gzipped: gzipSync(page).length,
    resident,
  };
}

/** Counters grow, by a pace of their own; gauges stay. */
function rawSeries({ ofTap, ofAgent }: Page, hosts: number): readonly WrittenSeries[] {
  return Array.from({ length: hosts }, (_, host) => host).flatMap((host) =>
    [...ofAgent, ...ofTap].map(({ name, labels, value }, index) => {
      const step = /_(total|bucket|sum|count)$/.test(name) && value > 0 ? 1 + (index % 100) : 0;
      const own = { __name__: name, instance: `host${host}:10747`, job: 'tapscope' };
      return { labels: { ...labels, ...own }, value: (turn: number) => value + step * turn };
    }),
  );
}

/** Bytes of memory for one more series. */
function perSeries([small, large]: readonly Cost[]): number {
  assert.ok(small && large);
  return (large.residentBytes - small.residentBytes) / (large.series - small.series);
}

async function measured(...what: Parameters<typeof costOf>): Promise<Cost> {
  const cost = await costOf(...what);
  console.error(`${cost.series} series in Prometheus: ${Math.round(cost.residentBytes / 1e6)} MB.`);
  return cost;
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

async function main(t: Scope): Promise<void> {
  const page = await realPage(t);
  console.error(`A page of ${page.ofAgent.length + page.ofTap.length} series.`);
  const folder = temporaryFolder(t);
  const template = await templateOf(t, folder);
  const rules = [...TAP_TIER, ...HOST_TIER, ...FACTOR_TIER].map(({ expr }) => expr);
  const raw: Cost[] = [];
  for (const hosts of RAW_SIZES) raw.push(await measured(rawSeries(page, hosts), TURNS, SCRAPE_S, rules));
  const fleet: Cost[] = [];
  for (const hosts of FLEET_SIZES)
    fleet.push(await measured(seriesOf(template, hosts, TAPS), TURNS, RULES_S, [TENANTS, LOSING]));
  const fleetHost = TAPS * template.tap.length + template.host.length;
  const text = report({ page, raw, fleet, fleetHost });
  console.log(text);
  if (argv.includes('--write')) writeSection('fleet', text);
}

interface Sizes {
  readonly page: Page;
  readonly raw: readonly Cost[];
  readonly fleet: readonly Cost[];
  /** Series of a host at the fleet tier. */
  readonly fleetHost: number;
}

function report({ page, raw, fleet, fleetHost }: Sizes): string {
  const rawHost = page.ofTap.length + page.ofAgent.length;
  const agent = [
    ['a host with 100 taps', 'measured'],
    ['series on its page', count(rawHost)],
    ['of them each tap', count(page.ofTap.length / TAPS)],
    ['of them the agent', count(page.ofAgent.length)],
    ['bytes of a scrape', count(page.bytes)],
    ['the same, gzipped', count(page.gzipped)],
    ['series of the host at the fleet tier', count(fleetHost)],
  ];
  const costs = [
    ['in Prometheus', 'raw', 'fleet tier'],
    ['series written', ...[raw, fleet].map((costs) => costs.map(({ series }) => count(series)).join(' and '))],
    ['memory, MB', ...[raw, fleet].map((costs) => costs.map((one) => megabytes(one.residentBytes)).join(' and '))],
    ['memory of one more series, kB', ...[raw, fleet].map((costs) => (perSeries(costs) / 1e3).toFixed(1))],
    ['disk, bytes a sample', ...[raw, fleet].map((costs) => last(costs).bytesPerSample.toFixed(2))],
    ['index of a block, bytes a series', ...[raw, fleet].map((costs) => count(last(costs).indexBytesPerSeries))],
    [
      'queries',
      `all rules of tapscope-fleet.yml: ${milliseconds(1000 * sum(last(raw).seconds.values()))}`,
      [...last(fleet).seconds.values()]
        .map((seconds) => milliseconds(1000 * seconds))
        .join(' (tenants) and ')
        .concat(' (worst taps)'),
    ],
  ];
  const tiers = [
    ['tier', 'series', 'samples a second', 'memory', 'disk a day'],
    ['raw, all hosts', ...tier(HOSTS * rawHost, SCRAPE_S, raw)],
    [`raw, a shard of ${SHARD} hosts`, ...tier(SHARD * rawHost, SCRAPE_S, raw)],
    ['fleet, all hosts', ...tier(HOSTS * fleetHost, RULES_S, fleet)],
    ['fleet, all hosts, each series twice', ...tier(2 * HOSTS * fleetHost, RULES_S, fleet)],
  ];
  return [
    markdown(agent),
    '',
    markdown(costs),
    '',
    `${count(HOSTS)} hosts with ${TAPS} taps each, raw every ${SCRAPE_S} s, the fleet tier every ${RULES_S} s:`,
    '',
    markdown(tiers),
  ].join('\n');
}

/** What so many series come to, by the prices that were measured. */
function tier(series: number, everySeconds: number, costs: readonly Cost[]): readonly string[] {
  const { bytesPerSample, indexBytesPerSeries } = last(costs);
  const samples = series / everySeconds;
  const disk = samples * DAY_S * bytesPerSample + BLOCKS_A_DAY * series * indexBytesPerSeries;
  return [count(series), count(samples), gigabytes(series * perSeries(costs)), gigabytes(disk)];
}

function last(costs: readonly Cost[]): Cost {
  return costs.at(-1) ?? assert.fail('nothing was measured');
}

const count = (value: number): string => grouped(Math.round(value));
const megabytes = (bytes: number): string => count(bytes / 1e6);
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

await program((_, t) => main(t));
