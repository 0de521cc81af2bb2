// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The page of protocol buffers has every sample of the text page, and histograms by powers of two.
import assert from 'node:assert/strict';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { randomOf, seedOf } from '../../../test/host/random.ts';
import { type DecodedPage, decodeProtobuf, decodeText } from '../../../test/snapshots/decoded-page.ts';
import { cataloguePage, goldenBuild, goldenSeen, goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import { ownMetrics, randomScrapes } from '../../../test/snapshots/random-host.ts';
import { details } from './detail.ts';
import { createMetricsPage, MetricsPage, type Seen } from './prometheus-page.ts';

/** By how much: 2^30 ns in seconds. */
const LOWER = 2 ** 30 / 1e9;

async function bothPages(page: MetricsPage, seen: Seen): Promise<readonly [DecodedPage, DecodedPage]> {
  const rows = page.rows(seen);
  return [decodeText(await text(page.page(rows, 'text'))), decodeProtobuf(await buffer(page.page(rows, 'protobuf')))];
}

for (const detail of details) {
  test(`every sample of the text page, and no other, --detail ${detail}`, async (t) => {
    const own = new Registry();
    ownMetrics([own]);
    const page = new MetricsPage({ detail, build: { ...goldenBuild, kernel: 'a"b\\c\nd' } }, own);
    let natives = 0;
    for (const seen of [goldenSeen, ...randomScrapes(randomOf(seedOf(t)), 40)]) {
      const [wanted, found] = await bothPages(page, seen);
      assert.deepEqual(found.samples, wanted.samples);
      assert.deepEqual(found.families, wanted.families);
      for (const { count, zeros, buckets } of found.natives)
        assert.equal(zeros + [...buckets.values()].reduce((sum, one) => sum + one, 0), count);
      natives += found.natives.length;
    }
    assert.equal(natives > 0, detail !== 'core');
  });
}

test('each histogram of the catalogue is native, the process has classic ones of prom-client', async () => {
  const page = createMetricsPage({ detail: 'full', build: goldenBuild });
  const { samples, natives } = (await bothPages(page, goldenSeen))[1];
  const names = new Set(natives.map(({ series }) => series.replace(/\{.*/, '')));
  const classic = new Set([...samples.keys()].flatMap((key) => /^(\w+)_bucket\{/.exec(key)?.[1] ?? []));
  assert.deepEqual(
    [...names],
    [...classic].filter((name) => name.startsWith('tapscope_')),
  );
  assert.ok(names.size >= 7, [...names].join());
});

test('a native bucket has the observations of its power of two: packets, and nanoseconds as parts of a second', async () => {
  const device = goldenSnapshot.devices[1] ?? assert.fail();
  const [queue] = device.queues;
  assert.ok(queue?.history);
  const arrivals = { buckets: [5, 1, 2, 0, 4], sum: 51 };
  // 2^29 to 2^30 ns, which is 1.07 s: the bucket up to a second.
  const sojourn = { buckets: [...Array(30).fill(0), 7], sum: 6e9 };
  const queues = [{ ...queue, history: { ...queue.history, arrivals, sojourn } }];
  const [, { natives }] = await bothPages(cataloguePage('full'), { ...goldenSeen, devices: [{ ...device, queues }] });
  const of = (name: string) => natives.find(({ series }) => series.startsWith(name)) ?? assert.fail(name);
  const packets = of('tapscope_ring_arrival_occupancy_packets{');
  assert.deepEqual([packets.zeros, packets.count, packets.sum], [5, 12, 51]);
  assert.deepEqual(
    [...packets.buckets],
    [
      [1, 1],
      [2, 2],
      [3, 0],
      [4, 4],
    ],
  );
  const seconds = of('tapscope_queue_sojourn_seconds{');
  assert.deepEqual([seconds.zeros, seconds.count, seconds.sum, [...seconds.buckets]], [0, 7, 6, [[0, 7]]]);
  const batches = of('tapscope_vhost_batch_packets{');
  assert.deepEqual(
    [...batches.buckets],
    [
      [0, 5],
      [1, 0],
      [2, 2],
      [3, 1],
    ],
  );
});

/** Counts by upper bound, each with all below it: the bucket that the observation of this rank is in. */
function bucketOf(cumulative: readonly (readonly [bound: number, count: number])[], rank: number) {
  const at = cumulative.findIndex(([, count]) => count >= rank);
  return { upper: cumulative[at]?.[0] ?? assert.fail(), lower: at > 0 ? (cumulative[at - 1]?.[0] ?? 0) : 0 };
}

const isWait = (series: string): boolean => /^tapscope_queue_sojourn_seconds(_bucket)?\{/.test(series);

/** Times are counted by powers of two of nanoseconds, which are the classic bounds. A native bucket ends at the power of two of a second before. */
test('a quantile lies in the same classic and native bucket, but that the native one lies 7 % lower', async (t) => {
  const random = randomOf(seedOf(t));
  const device = goldenSnapshot.devices[1] ?? assert.fail();
  const [queue = assert.fail()] = device.queues;
  for (let round = 0; round < 50; round += 1) {
    const waits = Array.from({ length: 1 + random.below(40) }, () => Math.floor(2 ** (random.below(360) / 10)));
    const buckets = Array<number>(40).fill(0);
    for (const { length } of waits.map((wait) => wait.toString(2))) buckets[length] = (buckets[length] ?? 0) + 1;
    const history = { ...(queue.history ?? assert.fail()), sojourn: { buckets, sum: 1 } };
    const devices = [{ ...device, queues: [{ ...queue, history }] }];
    const [, { natives, samples }] = await bothPages(cataloguePage('full'), { ...goldenSeen, devices });
    const classic = [...samples].flatMap(([series, count]) => {
      const [, bound] = /[{,]le="([\d.e+-]+)"/.exec(series) ?? [];
      return bound && isWait(series) ? [[Number(bound), count] as const] : [];
    });
    let counted = 0;
    const native = [...(natives.find(({ series }) => isWait(series))?.buckets ?? [])].map(([exponent, count]) => {
      counted += count;
      return [2 ** exponent, counted] as const;
    });
    for (const q of [0.5, 0.9, 0.99]) {
      const rank = Math.ceil(q * waits.length);
      const wait = (waits.toSorted((a, b) => a - b)[rank - 1] ?? assert.fail()) / 1e9;
      const { upper } = bucketOf(native, rank);
      const wide = bucketOf([...classic, [Number.POSITIVE_INFINITY, waits.length]], rank);
      const [least, most] = [(upper / 2) * LOWER, upper * LOWER];
      assert.ok(wait >= least && wait < most, `${wait} s is among ${least} to ${most} s`);
      assert.ok(least >= wide.lower && most <= wide.upper, `${wide.lower} to ${wide.upper} s`);
    }
  }
});

test('unchanged parts are copied from the last page, byte for byte', async () => {
  const page = cataloguePage('full');
  const first = await buffer(page.scrape(goldenSeen, 'protobuf'));
  assert.deepEqual(await buffer(page.scrape(goldenSeen, 'protobuf')), first);
});

test('with times of creation each counter and histogram says since when it counts', async () => {
  const page = new MetricsPage({ detail: 'full', build: goldenBuild, created: true }, new Registry());
  const began = performance.timeOrigin / 1000;
  const agent = goldenSnapshot.agent && { ...goldenSnapshot.agent, counting: undefined };
  const [, none] = await bothPages(page, { ...goldenSeen, agent, takenAt: began + 1 });
  assert.equal(none.starts.size, 0);
  const [oldest = assert.fail()] = goldenSnapshot.devices;
  const devices = [...goldenSnapshot.devices, { ...oldest, id: '77', name: 'tap77' }];
  const [wanted, { starts, samples }] = await bothPages(page, { ...goldenSeen, agent, devices, takenAt: began + 2.5 });
  assert.deepEqual(samples, wanted.samples);
  assert.ok(starts.size > 20);
  for (const [series, start] of starts) {
    assert.ok(series.includes('device="tap77"'), series);
    assert.ok(Math.abs(start - (began + 1)) < 1e-6, `${start}`);
  }
});
