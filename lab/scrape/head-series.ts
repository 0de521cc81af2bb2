// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/scrape/head-series.ts [--write]: what 500 guests of four losing queues cost a real Prometheus, with classic, native and converted histograms;
// --write: into docs/scale.md.
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Program, startPrometheus } from '../../dashboards/test/prometheus.ts';
import { packageRoot } from '../../src/kernel/package.ts';
import type { Format } from '../../src/outputs/prometheus/formats.ts';
import { createObserver } from '../../src/server/observer.ts';
import { startServer } from '../../src/server/server.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { heardLog } from '../../test/agent/heard-log.ts';
import { NEWEST_PROMETHEUS, pathOf, provide } from '../../test/host/need.ts';
import { median } from '../../test/host/percentile.ts';
import { program, type Scope, scoped } from '../../test/host/scope.ts';
import { cataloguePage, goldenBuild, goldenSeen, goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { losingGuests } from '../../test/snapshots/recorded-hosts.ts';
import { grouped, machine, markdown, writeSection } from '../report/report.ts';

const GUESTS = 500;
const QUEUES = 4;
const EVERY_S = 5;
const SCRAPED_FOR_S = 30;
const PAGES = 15;
const WARM_UP = 5;

interface Way {
  readonly name: string;
  readonly format: Format;
  readonly program: Program;
  readonly global?: object;
}

interface Figures {
  readonly bytes: number;
  readonly gzipped: number;
  /** Of the process that serves. */
  readonly cpuMs: number;
  readonly series: number;
  readonly residentMb: number;
}

const guests = losingGuests(GUESTS, QUEUES);

/** Each queue has sent more than before: nothing of the page is that of the last one. */
function snapshotAfter(packets: number): Snapshot {
  const devices = guests.map((device) => ({
    ...device,
    queues: device.queues.map((queue) => ({
      ...queue,
      counters: queue.counters && { ...queue.counters, offered: (queue.counters.offered ?? 0) + packets },
    })),
  }));
  return { ...goldenSnapshot, devices, takenAt: Date.now() / 1000 };
}

async function costOfPage(format: Format): Promise<Pick<Figures, 'bytes' | 'gzipped' | 'cpuMs'>> {
  const page = cataloguePage('queue');
  const times: number[] = [];
  let made = Buffer.alloc(0);
  for (let turn = 0; turn < PAGES; turn += 1) {
    const { devices } = snapshotAfter(turn);
    const before = process.cpuUsage();
    made = await buffer(page.scrape({ ...goldenSeen, findings: [], devices }, format));
    const { user, system } = process.cpuUsage(before);
    if (turn >= WARM_UP) times.push((user + system) / 1000);
  }
  return { bytes: made.length, gzipped: gzipSync(made, { level: 1 }).length, cpuMs: median(times) };
}

async function measure(t: Scope, way: Way): Promise<Figures> {
  const began = Date.now();
  const server = await startServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      allowedHosts: [],
      prometheus: { detail: 'queue', build: goldenBuild },
      pageFolder: `${packageRoot()}/dist/src/page`,
    },
    {
      takeSnapshot: async () => snapshotAfter(Date.now() - began),
      log: heardLog(),
      observer: createObserver(),
      notReady: () => undefined,
    },
  );
  t.after(() => server.close());
  const global = { ...way.global, scrape_interval: `${EVERY_S}s`, scrape_timeout: `${EVERY_S}s` };
  const prometheus = await startPrometheus(t, [server.address], [], { global }, way.program);
  await wait(1000 * SCRAPED_FOR_S);
  const own = await (await fetch(`${prometheus.url}/metrics`)).text();
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(own)?.[1]);
  return {
    ...(await costOfPage(way.format)),
    series: figure('prometheus_tsdb_head_series'),
    residentMb: figure('process_resident_memory_bytes') / 1e6,
  };
}

function report(ways: readonly Way[], figures: readonly Figures[]): string {
  const row = (title: string, of: (one: Figures) => number): readonly string[] => [
    title,
    ...figures.map((one) => grouped(Math.round(of(one)))),
  ];
  return [
    `${GUESTS} made-up guests of ${QUEUES} queues each, copies of a guest that the lab recorded on Linux 7.3 while it lost packets, on one page at \`--detail queue\`; a real`,
    `Prometheus scraped it every ${EVERY_S} s for ${SCRAPED_FOR_S} s. Written by \`npx tsx lab/scrape/head-series.ts --write\`.`,
    '',
    markdown([
      ['', ...ways.map(({ name }) => name)],
      row('series in the head of Prometheus', ({ series }) => series),
      row('bytes of a scrape', ({ bytes }) => bytes),
      row('the same, gzipped', ({ gzipped }) => gzipped),
      row('CPU for a page in which all queues changed, ms', ({ cpuMs }) => cpuMs),
      row('memory of Prometheus, MB', ({ residentMb }) => residentMb),
    ]),
    '',
    machine(),
  ].join('\n');
}

await program(async (words) => {
  const missing = await provide([NEWEST_PROMETHEUS]);
  if (missing) throw new Error(missing);
  const debian = { file: 'prometheus', flags: [] };
  const newest = { file: pathOf(NEWEST_PROMETHEUS.file) ?? '', flags: [] };
  const ways: readonly Way[] = [
    { name: '2.42, classic', format: 'openmetrics', program: debian },
    {
      name: '2.42, native',
      format: 'protobuf',
      program: { ...debian, flags: ['--enable-feature=native-histograms'] },
    },
    { name: '3.16, classic', format: 'openmetrics', program: newest },
    { name: '3.16, native', format: 'protobuf', program: newest, global: { scrape_native_histograms: true } },
    {
      name: '3.16, converted',
      format: 'openmetrics',
      program: newest,
      global: { convert_classic_histograms_to_nhcb: true },
    },
  ];
  const figures: Figures[] = [];
  for (const way of ways) figures.push(await scoped((t) => measure(t, way)));
  const text = report(ways, figures);
  console.log(text);
  if (words.includes('--write')) writeSection('head', text);
});
