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
