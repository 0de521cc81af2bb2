// SPDX-License-Identifier: Apache-2.0
// Scrapes of a made-up host over HTTP, one after the other, and what they do to the process that serves them. It runs with the
// product's own flags of V8; the client is another process.
import { type ChildProcess, fork } from 'node:child_process';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import type { LoopReport } from '../../test/host/event-loop.ts';
import { median } from '../../test/host/percentile.ts';
import type { Allocation } from './allocate.ts';
import type { Maker } from './page-maker.ts';

const folder = import.meta.dirname;
/** Flags of V8 with a young generation so large that nothing is collected while a page is made. */
const uncollected = [
  '--expose-gc',
  '--min-semi-space-size=1024',
  '--max-semi-space-size=1024',
  '--max-old-space-size=4096',
];

export interface Measured extends Allocation {
  readonly maker: Maker;
  readonly gzipBytes: number;
  /** Medians over the scrapes. */
  readonly ms: number;
  readonly gzipMs: number;
  /** The serving process and its event loop during a scrape without gzip. */
  readonly loop: LoopReport;
}

export async function measure(maker: Maker, series: number, scrapes: number): Promise<Measured> {
  const allocation = await answer<Allocation>(start('allocate.ts', uncollected, maker, series));
  const child = start('scrape-server.ts', [], maker, series);
  const agent = new Agent({ keepAlive: true });
  try {
    const port = await answer<number>(child);
    for (let warmUp = 0; warmUp < 3; warmUp += 1) await scrape(agent, port, false);
    const plain = await repeat(scrapes, () => watched(child, () => scrape(agent, port, false)));
    const gzip = await repeat(Math.ceil(scrapes / 2), () => scrape(agent, port, true));
    return {
      ...allocation,
      maker,
      loop: medianLoop(plain.map(({ loop }) => loop)),
      ms: median(plain.map(({ result }) => result.ms)),
      gzipMs: median(gzip.map(({ ms }) => ms)),
      gzipBytes: gzip[0]?.bytes ?? 0,
    };
  } finally {
    agent.destroy();
    child.kill('SIGKILL');
  }
}

async function watched<Result>(child: ChildProcess, work: () => Promise<Result>) {
  child.send('begin');
  await answer(child);
  const result = await work();
  child.send('end');
  return { result, loop: await answer<LoopReport>(child) };
}

function medianLoop(reports: readonly LoopReport[]): LoopReport {
  const of = (value: (report: LoopReport) => number) => median(reports.map(value));
  return {
    p99Ms: of(({ p99Ms }) => p99Ms),
    maxMs: of(({ maxMs }) => maxMs),
    ownP99Ms: of(({ ownP99Ms }) => ownP99Ms),
    ownMaxMs: of(({ ownMaxMs }) => ownMaxMs),
    cpuMs: of(({ cpuMs }) => cpuMs),
  };
}

function start(file: string, flags: readonly string[], maker: Maker, series: number): ChildProcess {
  return fork(join(folder, file), [maker, String(series)], { execArgv: [...flags, '--import', 'tsx'] });
}

/** The child's next message. */
function answer<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}.`));
    child.once('exit', ended);
    child.once('message', (message: Answer) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}

interface Scraped {
  readonly ms: number;
  readonly bytes: number;
}

function scrape(agent: Agent, port: number, gzip: boolean): Promise<Scraped> {
  const started = performance.now();
  const headers = { 'accept-encoding': gzip ? 'gzip' : 'identity' };
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', agent, headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve({ ms: performance.now() - started, bytes });
        else reject(new Error(`The scrape was answered with ${response.statusCode}.`));
      });
    }).once('error', reject);
  });
}

async function repeat<Result>(times: number, once: () => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let time = 0; time < times; time += 1) results.push(await once());
  return results;
}
