// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// On a busy host what surrounds a device is read late, or seldom. A program that takes what it sends is then doubted, and never OK.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietSnapshots, SECONDS } from '../../test/snapshots/quiet-host.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { SilentEnd } from '../snapshot/surroundings.ts';
import { judgeAsked } from './judge-asked.ts';
import type { Status } from './status.ts';

/** Seconds of the window at which readings of the surroundings begin and end. */
type Readings = readonly (readonly [since: number, until: number])[];

interface Plan {
  readonly readings: Readings;
  /** From this second on; Infinity: it lets all pass. */
  readonly steals: number;
  readonly seconds?: number;
  /** The question was asked at this second: 0 by `diagnose`, one before the end by `check`. */
  readonly askedAt?: number;
  readonly end?: Pick<SilentEnd, 'device' | 'how' | 'way'>;
}

const EGRESS = { device: 'up0', how: 'egress', way: 'from' } as const;
const BY_XDP = { device: 've1', how: 'xdp', way: 'to', isNative: true } as const;

/** Of 100 a second, as the agent counts: what tc takes from the end of the first reading on, shown as of the beginning of each later one. */
function endAt({ readings, steals, end = EGRESS }: Plan, place: number): SilentEnd {
  const [since] = readings[place] ?? [0];
  const attached = readings[0]?.[1] ?? 0;
  const taken = (until: number): number => 100 * Math.max(0, until - steals);
  if (place === 0) return { ...end, received: 100 * since };
  // Of XDP the frames that it passed are taken from those that came, also before it was attached.
  const ended = end.how === 'xdp' ? 100 * attached + taken(since) - taken(attached) : taken(since) - taken(attached);
  return { ...end, received: 100 * since, ended };
}

function snapshotsOf(plan: Plan): readonly Snapshot[] {
  const { readings, seconds = SECONDS, askedAt = 0 } = plan;
  const counters = { txPackets: 0, txBytes: 0, txDropped: 0, rxBytes: 0, rxDropped: 0 };
  const shownAt = (second: number): number =>
    second < askedAt ? -1 : readings.findLastIndex(([, until]) => until <= second);
  const sending = (second: number) => ({
    counters: { ...counters, rxPackets: 100 * second },
    ...(shownAt(second) >= 0 && {
      surroundings: { redirects: [], strays: [], unread: [], silentEnds: [endAt(plan, shownAt(second))] },
    }),
  });
  const plans = [{ queues: [{ delivered: plan.end === BY_XDP ? 10 : 0 }], more: sending }];
  return quietSnapshots(plans, {}, seconds).map((snapshot, second) => {
    const zero = snapshot.takenAt - second;
    const read = readings[shownAt(second)];
    const all = read ? [{ netns: 1, since: zero + read[0], until: zero + read[1] }] : [];
    return { ...snapshot, agent: { ...snapshot.agent, ...(second >= askedAt && { surroundingsRead: all }) } };
  });
}

function told(plan: Plan): { readonly status: Status; readonly doubts: readonly string[] } {
  const { status, verdict } = judgeAsked(snapshotsOf(plan), { device: 'tap0' });
  return { status, doubts: verdict.findings.flatMap(({ doubts = [] }) => doubts) };
}

/** Each second one that takes so long. */
function often(from: number, seconds = SECONDS): Readings {
  return Array.from({ length: seconds + 1 }, (_, second) => [from + second, from + second + 0.1]);
}

/** One behind the other. */
function slow(...took: readonly number[]): Readings {
  let begins = -0.2;
  return took.map((seconds) => {
    const since = begins;
    begins += seconds;
    return [since, begins];
  });
}

const LETS_PASS = Number.POSITIVE_INFINITY;

test('a program that lets all pass is OK where it is read each second, and one that takes them is named', () => {
  for (const end of [EGRESS, BY_XDP])
    for (const seconds of [4, 10])
      for (const [steals, expected] of [
        [LETS_PASS, /^ok$/],
        [0, /^unknown .*(were taken by|ended or redirected)/],
        [-5, /^unknown .*(were taken by|ended or redirected)/],
      ] as const) {
        const { status, doubts } = told({ readings: often(-0.2, seconds), steals, seconds, end });
        assert.match([status, ...doubts].join(' '), expected, `${end.how} ${seconds} ${steals}`);
      }
});

test('a reading that takes longer than the window', () => {
  const { status, doubts } = told({ readings: slow(10.6), steals: 0 });
  assert.deepEqual(
    [status, doubts],
    ['unknown', ['this host is busy, and what surrounds it was not read in time: ask again']],
  );
});

test('a reading of before the window, and one that is still going on at its end', () => {
  const readings: Readings = [
    [-12, -11],
    [-1.5, -0.5],
    [-0.5, 10.1],
  ];
  const { status, doubts } = told({ readings, steals: 0 });
  assert.equal(status, 'unknown');
  assert.match(doubts.join(' '), /what surrounds it was last read 11\.5 s before the end: ask again/);
});

test('one reading in the window says nothing of what grew', () => {
  const { status, doubts } = told({ readings: slow(8, 9), steals: 0 });
  assert.equal(status, 'unknown');
  assert.match(doubts.join(' '), /ask again/);
});

test('however long readings take, what is taken all the time is never OK', () => {
  for (const end of [EGRESS, BY_XDP])
    for (const seconds of [2, 4, 10])
      for (let one = 0.1; one < 12; one += 1.1)
        for (let other = 0.1; other < 12; other += 1.1) {
          const readings = slow(one, other, one, other, ...often(0, 12).map(() => 1));
          const { status } = told({ readings, steals: 0, seconds, end });
          assert.notEqual(status, 'ok', `${end.how}: readings of ${one} and ${other} s in ${seconds} s`);
        }
});

test('a check in a hurry counts from its own question on, where others asked before it', () => {
  const readings: Readings = [
    [8.6, 8.7],
    [8.9, 9],
    [9.6, 9.7],
  ];
  for (const [steals, expected] of [
    [0, /^unknown .*[1-9]\d packets from it were taken by/],
    [LETS_PASS, /^ok$/],
  ] as const) {
    const { status, doubts } = told({ readings, steals, askedAt: 9 });
    assert.match([status, ...doubts].join(' '), expected);
  }
});

test('of an agent that does not say when it read, all is as it was', () => {
  const snapshots = snapshotsOf({ readings: often(-0.2), steals: LETS_PASS });
  const older = snapshots.map(({ agent: { surroundingsRead: _, ...agent }, ...snapshot }) => ({ ...snapshot, agent }));
  assert.equal(judgeAsked(older, { device: 'tap0' }).status, 'ok');
});
