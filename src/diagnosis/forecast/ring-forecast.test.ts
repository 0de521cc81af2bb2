// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { quietHost, type TapPlan } from '../../../test/snapshots/quiet-host.ts';
import type { EpisodeSizes, Overflow, Queue } from '../../snapshot/queue.ts';
import { groupsBetween, lostWith, withLargest } from './episode-losses.ts';
import { ringAnswer } from './ring-answer.ts';
import { steadyWindow } from './steady-window.ts';

/** Counts as the programs do: bucket 2n for numbers of n bits, 2n + 1 where the second bit is set too. */
function sizesOf(...drops: readonly number[]): EpisodeSizes {
  const [episodes, dropped] = [Array<number>(40).fill(0), Array<number>(40).fill(0)];
  for (const drop of drops) {
    const bits = 32 - Math.clz32(drop);
    const bucket = bits < 2 ? 2 * bits : 2 * bits + ((drop >> (bits - 2)) & 1);
    episodes[bucket] = (episodes[bucket] ?? 0) + 1;
    dropped[bucket] = (dropped[bucket] ?? 0) + drop;
  }
  return { episodes, dropped };
}

const exactly = (drops: readonly number[], more: number): number =>
  drops.reduce((sum, drop) => sum + Math.max(0, drop - more), 0);

test('equal overflows are predicted exactly, by their largest', () => {
  const drops = [700, 700, 700];
  const groups = withLargest(groupsBetween(undefined, sizesOf(...drops)), 700);
  for (const more of [0, 1, 300, 511, 512, 600, 699, 700, 5000])
    assert.equal(lostWith(groups, more), exactly(drops, more), `${more} more`);
});

test('a single overflow of its half octave needs no largest', () => {
  for (const drops of [[1], [2], [3], [5, 1000], [131, 260, 523]]) {
    const groups = groupsBetween(sizesOf(7), sizesOf(7, ...drops));
    for (const more of [0, 1, 2, 4, 100, 261, 400, 522, 999, 1001])
      assert.equal(lostWith(groups, more), exactly(drops, more), `${drops}: ${more} more`);
  }
});

test('of any sizes the estimate never grows with the ring, and is near what would be lost', () => {
  let seed = 4711;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let round = 0; round < 50; round++) {
    const drops = Array.from({ length: 3 + Math.floor(200 * random()) }, () => 1 + Math.floor(2000 * random() ** 2));
    const largest = Math.max(...drops);
    const groups = withLargest(groupsBetween(undefined, sizesOf(...drops)), largest);
    let before = Number.POSITIVE_INFINITY;
    for (let more = 0; more <= largest; more += 7) {
      const [told, real] = [lostWith(groups, more), exactly(drops, more)];
      assert.ok(told <= before + 1e-6, `round ${round}: ${told} with ${more} more, ${before} with fewer`);
      assert.ok(Math.abs(told - real) <= 0.1 * real + 0.01 * exactly(drops, 0), `${told} told, ${real} lost`);
      before = told;
    }
    assert.equal(lostWith(groups, largest), 0);
  }
});

test('an epoch that began meanwhile counts from 0', () => {
  assert.deepEqual(groupsBetween(sizesOf(9, 9, 9), sizesOf(9)), [{ episodes: 1, dropped: 9, least: 9, most: 9 }]);
});

interface Told {
  readonly drops?: readonly number[];
  readonly open?: Partial<Overflow>;
  readonly occupancy?: number;
  readonly delivered?: number;
  readonly plan?: Partial<TapPlan>;
  readonly more?: Partial<Queue>;
}

/** The answer about a tap of 500 slots that overflowed like this in ten seconds. */
function told(
  { drops = [], open = {}, occupancy = 0, delivered = 1000, plan = {}, more = {} }: Told,
  kernel = '6.18.0',
) {
  const lost = drops.reduce((sum, one) => sum + one, 0) + (open.openPackets ?? 0);
  const window = quietHost([
    {
      queues: [
        {
          delivered,
          lost: lost / 10,
          capacity: 500,
          occupancy,
          more: (second) => ({ ...overflows(drops, open)(second), ...more }),
        },
      ],
      ...plan,
    },
  ]);
  const device = window.devices[0] ?? assert.fail('no tap');
  return ringAnswer({ window, device, isCut: false }, { sizes: [700], kernel });
}

/** The overflow of a queue in ten seconds, of so many lost packets each. */
function overflows(drops: readonly number[], open: Partial<Overflow> = {}) {
  return (second: number): Partial<Queue> => ({
    history: {
      arrivals: undefined,
      sojourn: undefined,
      overflow: {
        bursts: { buckets: [], sum: 0 },
        episodes: 0,
        sizes: second === 0 ? sizesOf() : sizesOf(...drops),
        needed: 0,
        openPackets: 0,
        openSeconds: 0,
        ...open,
      },
    },
  });
}

test('of one queue that is asked about: its own loss and ring, and what the others need of the same txqueuelen', () => {
  const window = quietHost([
    {
      queues: [
        { delivered: 1000, lost: 10, capacity: 500, more: overflows([100]) },
        { delivered: 1000, lost: 82.4, capacity: 500, more: overflows([824]) },
      ],
    },
  ]);
  const device = window.devices[0] ?? assert.fail('no tap');
  const of = (queue: number | undefined) =>
    ringAnswer({ window, device, isCut: false }, { queue, sizes: [], kernel: '6.18.0' });
  assert.match(of(undefined).answer, /^tap0: txqueuelen 1340 .*; 500 lost 924 of /);
  assert.match(of(0).answer, /^tap0 queue 0: txqueuelen 620 .*; 500 lost 100 of 10 100 packets/);
  assert.equal(of(0).limits[0], 'txqueuelen is one for all queues of tap0, and others of them need 1340.');
  assert.match(of(1).answer, /^tap0 queue 1: txqueuelen 1340 .*; 500 lost 824 of /);
  assert.equal(of(1).limits[0], 'txqueuelen is one for all queues of tap0.');
});

test('the answer, the table and the command', () => {
  const { answer, forecast, command, backpressure } = told({ drops: [100, 824] });
  assert.equal(
    answer,
    'tap0: txqueuelen 1340 would have lost nothing in the last 10 s; 500 lost 924 of 10 924 packets (8.5 %).',
  );
  assert.deepEqual(
    forecast.sizes.map(({ size, lost }) => [size, lost]),
    [
      [500, 924],
      [700, 624],
      [1000, 324],
      [1340, 0],
      [2000, 0],
    ],
  );
  // Its ring was empty between the bursts: how fast it is emptied is not known.
  assert.deepEqual([forecast.sizes[0]?.delaySeconds, forecast.sizes[0]?.isDelayBound], [undefined, false]);
  assert.equal(command, 'ip link set dev tap0 txqueuelen 1340');
  assert.match(backpressure, /^needs Linux 7\.3; there: 0 lost at the ring; packets wait in the qdisc \(pfifo_fast\)/);
});

test('backpressure by kernel, flag and qdisc', () => {
  assert.match(told({ drops: [9] }, '7.3.4').backpressure, /^0 lost at the ring; packets wait/);
  const on: TapPlan = { more: () => ({ flowControl: 'backpressure' }) };
  assert.match(told({ drops: [9], plan: on }, '7.3.4').backpressure, /^is on: 0 lost/);
  const none = { more: () => ({ qdisc: 'noqueue' }) };
  assert.match(told({ drops: [9], plan: none }, '7.3.4').backpressure, /^needs a qdisc that can wait/);
});

test('where no size is the answer', () => {
  const slow = told({ open: { openPackets: 20_000, openSeconds: 8 }, occupancy: 500 });
  assert.match(
    slow.answer,
    /^tap0: no ring size helps: the reader takes 1 000 a second and 3 000 come; 500 lost 20 000 /,
  );
  assert.equal(slow.command, undefined);
  const huge = told({ drops: [60_000] });
  assert.match(huge.answer, /^tap0: no ring size helps: 60 500 slots would have been needed, and Linux gives at most/);
  const level = { ring: { capacity: 500, occupancy: 0, lag: 0, highwater: 77 } };
  const quiet = told({ more: level });
  assert.match(quiet.answer, /^tap0: nothing to change, .*\(high-water mark 77 of 500\)\.$/);
  assert.deepEqual([quiet.command, quiet.limits], [undefined, []]);
});

test('nothing helps a reader that takes nothing, backpressure neither', () => {
  const unread = told({ open: { openPackets: 20_000, openSeconds: 8 }, occupancy: 500, delivered: 0 }, '7.3.4');
  assert.match(unread.answer, /^tap0: no ring size helps: its reader openvpn \(2211\) has taken nothing for 10 s;/);
  assert.match(unread.backpressure, /^does not help either: the reader takes nothing/);
  assert.equal(unread.command, undefined);
});

test('a stopped reader loses nothing while its ring has room, and a larger ring is no answer', () => {
  const waiting = told({ occupancy: 200, delivered: 0 });
  assert.match(waiting.answer, /^tap0: no ring size helps: its reader .* nothing for 10 s; the ring lost nothing yet /);
  assert.deepEqual([waiting.command, waiting.forecast.isHopeless], [undefined, true]);
});

test('how long packets stay: measured, or bound by a second in which the ring was never empty', () => {
  const busy = told({ open: { openPackets: 300, openSeconds: 1 }, occupancy: 500 }).forecast.sizes[0];
  assert.deepEqual([busy?.delaySeconds, busy?.isDelayBound], [0.5, true]);
  const shorter = told({ open: { openPackets: 300, openSeconds: 0.9 }, occupancy: 500 }).forecast.sizes[0];
  assert.equal(shorter?.delaySeconds, undefined);
  // It was emptied within the step: what the reader took of the rest is not its pace.
  const emptied = told({ open: { openPackets: 300, openSeconds: 1 }, occupancy: 0 }).forecast.sizes[0];
  assert.equal(emptied?.delaySeconds, undefined);
});

test('an overflow that may go on counts as it is, and says so', () => {
  const { forecast, limits } = told({ open: { openPackets: 300, openSeconds: 1 }, occupancy: 500 });
  assert.equal(forecast.advised, 820);
  assert.match(limits.join(' '), /An overflow of 300 packets had not ended/);
});

test('what cannot be predicted is one sentence', () => {
  assert.throws(() => told({ plan: { more: () => ({ kind: 'macvtap' }) } }), /^Error: tap0 is a macvtap, /);
  assert.throws(() => told({ more: { ring: undefined } }), /^Error: tap0 has no reader, hence no ring/);
  assert.throws(
    () => told({ more: { history: undefined } }),
    /^Error: Overflows of tap0 are not followed on this host/,
  );
});

test('the time begins when the rings were as they are now', () => {
  const at = (takenAt: number, queueLength: number) => {
    const { devices, ...rest } = snapshot(queueLength);
    return { ...rest, takenAt, devices };
  };
  const steady = steadyWindow([at(1, 500), at(2, 500), at(3, 900), at(4, 900), at(9, 900)], 'tap0');
  assert.deepEqual([steady?.device.seconds, steady?.isCut], [6, true]);
  assert.equal(steadyWindow([at(1, 500), at(2, 900)], 'tap0'), undefined);
  assert.equal(steadyWindow([at(1, 900), at(2, 900)], 'tap0')?.isCut, false);
});

function snapshot(queueLength: number) {
  const { agent, devices } = quietHost([{ more: () => ({ queueLength }) }]);
  return { takenAt: 0, agent, devices: devices.map(({ now }) => now) };
}
