// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import { counter, counters, type Distribution, flag, gauge, histogram, type Metric } from '../../snapshot/metric.ts';
import { queueMetrics } from '../../subjects/list.ts';
import type { Member } from './member.ts';
import { mergeSamples } from './merge.ts';
import { createOwner, type SeriesOwner } from './series-owner.ts';
import { createSlices } from './slices.ts';

type Drops = Readonly<Record<string, number>>;

const drops: Metric<Drops> = counters('drops_total', 'Drops.', ['reason'], (queue) =>
  Object.entries(queue).map(([reason, value]) => ({ labels: [reason], value })),
);

/** One scrape after the other; queues by key. */
async function scrapes(...history: readonly Readonly<Record<string, Drops>>[]) {
  const owner = createOwner([]);
  const sums: Drops[] = [];
  for (const queues of history) {
    const members = Object.entries(queues).map(([key, value]) => ({ key, value }));
    const samples = await merge(drops, owner, members);
    sums.push(Object.fromEntries(samples.map(({ labels, value }) => [labels.join(), value])));
  }
  return sums;
}

function merge<Value>(metric: Metric<Value>, into: SeriesOwner, members: readonly Member<Value>[]) {
  return mergeSamples(metric, into, members, createSlices());
}

test('counters of the same labels add up, others stay apart', async () => {
  assert.deepEqual(await scrapes({ a: { FULL_RING: 1, NOMEM: 2 }, b: { FULL_RING: 10 } }), [
    { FULL_RING: 11, NOMEM: 2 },
  ]);
});

test('a sum does not fall when a queue goes, and does not jump when it comes back', async () => {
  const both = { a: { FULL_RING: 5 }, b: { FULL_RING: 7 } };
  assert.deepEqual(await scrapes(both, { a: { FULL_RING: 6 } }, both), [
    { FULL_RING: 12 },
    { FULL_RING: 13 },
    { FULL_RING: 18 },
  ]);
});

test('a sum does not fall when the last queue goes', async () => {
  assert.deepEqual(await scrapes({ a: { FULL_RING: 5 } }, {}), [{ FULL_RING: 5 }, { FULL_RING: 5 }]);
});

test('a sum of which a queue is not counted any more is left out, and goes on when it is again', async () => {
  const offered: Metric<{ readonly packets?: number }> = counter('offered_total', 'Offered.', ({ packets }) => packets);
  const owner = createOwner([]);
  const sums: (readonly number[])[] = [];
  for (const second of [{ packets: 1 }, {}, { packets: 4 }]) {
    const members = [
      { key: 'a', value: { packets: 5 } },
      { key: 'b', value: second },
    ];
    sums.push((await merge(offered, owner, members)).map(({ value }) => value));
  }
  assert.deepEqual(sums, [[6], [], [9]]);
});

test('a queue that starts again and has lost nothing yet hides no losses of others', async () => {
  assert.deepEqual(await scrapes({ a: { NOMEM: 5 }, b: { NOMEM: 1 } }, { a: { NOMEM: 6 }, b: {} }), [
    { NOMEM: 6 },
    { NOMEM: 7 },
  ]);
});

test('a sum goes on when a queue starts again at 0', async () => {
  assert.deepEqual(await scrapes({ a: { NOMEM: 5 } }, { a: { NOMEM: 0 } }, { a: { NOMEM: 2 } }), [
    { NOMEM: 5 },
    { NOMEM: 5 },
    { NOMEM: 7 },
  ]);
});

test('the same snapshot shown twice counts once', async () => {
  const snapshot = { a: { FULL_RING: 5 }, b: { FULL_RING: 7 } };
  assert.deepEqual(await scrapes(snapshot, snapshot), [{ FULL_RING: 12 }, { FULL_RING: 12 }]);
});

test('a sum forgets members that went long ago, not what they counted', async () => {
  const owner = createOwner([]);
  let samples = await merge(drops, owner, []);
  for (let member = 0; member < 10_000; member += 1) {
    samples = await merge(drops, owner, [{ key: String(member), value: { FULL_RING: 1 } }]);
  }
  assert.deepEqual(samples, [{ labels: ['FULL_RING'], value: 10_000 }]);
  assert.ok((owner.sums.get('drops_total')?.get('FULL_RING')?.last.size ?? 0) < 100);
});

test('of many members only those near one that changed are asked again, and the sum is as if all were', async () => {
  let asked = 0;
  const sent: Metric<{ readonly packets: number }> = counter('sent_total', 'Sent.', ({ packets }) => {
    asked += 1;
    return packets;
  });
  const level: Metric<{ readonly packets: number }> = gauge('level', 'Level.', ({ packets }) => packets);
  const owner = createOwner([]);
  const members = Array.from({ length: 1000 }, (_, queue) => ({ key: String(queue), value: { packets: queue } }));
  const first = await merge(sent, owner, members);
  assert.deepEqual([asked, first[0]?.value, (await merge(level, owner, members))[0]?.value], [1000, 499_500, 499_500]);
  assert.equal(await merge(sent, owner, [...members]), first, 'nothing changed: the same list');
  const grown = members.map((member, queue) => (queue === 500 ? { key: '500', value: { packets: 700 } } : member));
  const second = [await merge(sent, owner, grown), await merge(level, owner, grown)];
  assert.deepEqual(
    second.map(([sample]) => sample?.value),
    [499_700, 499_700],
  );
  assert.ok(asked <= 1100, `${asked} were asked`);
  const fewer = [await merge(sent, owner, grown.slice(0, 999)), await merge(level, owner, grown.slice(0, 999))];
  assert.deepEqual(
    fewer.map(([sample]) => sample?.value),
    [499_700, 498_701],
  );
});

test('gauges are sums of the present, flags are set by any', async () => {
  const members = [3, 4].map((value) => ({ key: String(value), value }));
  const level = gauge<number>('level', 'Level.', (value) => value);
  const high = flag<number>('high', 'High.', (value) => value > 3);
  const unmeasured = gauge<number>('unmeasured', 'Unmeasured.', () => undefined);
  const owner = createOwner([]);
  assert.deepEqual(await merge(level, owner, members), [{ labels: [], value: 7 }]);
  assert.deepEqual(await merge(high, owner, members), [{ labels: [], value: 1 }]);
  assert.deepEqual(await merge(unmeasured, owner, members), []);
});

test('histograms of one device: buckets add up bound by bound, sums and counts too', async () => {
  const waits: Metric<Distribution> = histogram('wait_seconds', 'Waits.', (queue) => queue);
  const members = [
    { key: 'a', value: { bounds: [1, 2], buckets: [3, 0, 1], sum: 9 } },
    { key: 'b', value: { bounds: [1, 2], buckets: [0, 5, 0], sum: 8 } },
  ];
  const samples = await merge(waits, createOwner([]), members);
  assert.deepEqual(
    samples.map(({ labels, suffix, value }) => [suffix, ...labels, value]),
    [
      ['_bucket', '1', 3],
      ['_bucket', '2', 8],
      ['_bucket', '+Inf', 9],
      ['_sum', 17],
      ['_count', 9],
    ],
  );
});

test('histograms: what a member counted stays when it begins anew or goes', async () => {
  const waits: Metric<Distribution> = histogram('wait_seconds', 'Waits.', (queue) => queue);
  const owner = createOwner([]);
  const merged = async (...members: readonly Distribution[]) => {
    const samples = await merge(
      waits,
      owner,
      members.map((value, index) => ({ key: `${index}`, value })),
    );
    const { seen, value } = samples.at(-1) ?? assert.fail();
    return [value, seen?.sum, seen?.buckets, seen?.octaves?.counts];
  };
  const waited = (buckets: readonly number[], counts: readonly number[], sum: number): Distribution => ({
    bounds: [1],
    buckets,
    octaves: { exponent: 0, counts },
    sum,
  });
  assert.deepEqual(await merged(waited([3, 1], [1, 2, 1], 7), waited([2, 0], [2], 1)), [6, 8, [5, 1], [3, 2, 1]]);
  // The first counts anew: two more, by one of which its buckets fell. The second is gone.
  assert.deepEqual(await merged(waited([2, 0], [1, 1], 2)), [8, 10, [7, 1], [4, 3, 1]]);
  assert.deepEqual(await merged(waited([2, 0], [1, 1], 2)), [8, 10, [7, 1], [4, 3, 1]]);
});

test('queues of one device: the longest stop and overflow, the largest need', async () => {
  const queue = goldenSnapshot.devices[0]?.queues[0] ?? assert.fail();
  const { flow, history } = queue;
  const members = [10, 30].map((seconds) => ({
    key: String(seconds),
    value: {
      ...queue,
      flow: flow && { ...flow, stoppedForSeconds: seconds },
      history: history && {
        ...history,
        overflow: history.overflow && { ...history.overflow, openSeconds: seconds, needed: 100 * seconds },
      },
    },
  }));
  for (const [name, wanted] of [
    ['tapscope_queue_stopped_for_seconds', 30],
    ['tapscope_ring_overflow_open_seconds', 30],
    ['tapscope_ring_overflow_needed_packets', 3000],
  ] as const) {
    const metric = queueMetrics.find((one) => one.name === name) ?? assert.fail(name);
    assert.deepEqual(await merge(metric, createOwner([]), members), [{ labels: [], value: wanted }], name);
  }
});
