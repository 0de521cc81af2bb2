// SPDX-License-Identifier: Apache-2.0
// node --expose-gc --min-semi-space-size=… lab/scrape/allocate.ts MAKER SERIES: bytes allocated for one page. The young generation is
// so large that nothing is collected meanwhile: what the heap grew by is what was allocated.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { hostOf } from '../../test/snapshots/made-up-host.ts';
import { type Maker, pageMaker } from './page-maker.ts';

export interface Allocation {
  readonly heapBytes: number;
  /** Outside the heap: the chunks that are sent. */
  readonly bufferBytes: number;
  readonly pageBytes: number;
  readonly series: number;
}

async function allocationOf(maker: Maker, series: number): Promise<Allocation> {
  const makePage = await pageMaker(maker, hostOf(series));
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ['gc'] });
  for (let warmUp = 0; warmUp < 2; warmUp += 1) for await (const _ of makePage());
  globalThis.gc?.();
  await setTimeout(50); // the observer hears of collections later
  collections = 0;
  const before = process.memoryUsage();
  const chunks: Buffer[] = [];
  for await (const chunk of makePage()) chunks.push(chunk);
  const after = process.memoryUsage();
  await setTimeout(50);
  if (collections > 0) throw new Error(`${collections} collections spoilt the measurement: give it more memory.`);
  const page = Buffer.concat(chunks);
  return {
    heapBytes: after.heapUsed - before.heapUsed,
    bufferBytes: after.arrayBuffers - before.arrayBuffers,
    pageBytes: page.length,
    series: page
      .toString()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#')).length,
  };
}

const [maker = '', series = ''] = process.argv.slice(2);
process.send?.(await allocationOf(maker === 'prom-client' ? maker : 'tapscope', Number(series)));
