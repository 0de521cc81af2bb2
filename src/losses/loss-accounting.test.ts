// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Traced losses and those that only tx_dropped knows, sample by sample.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOrdinaryEnd } from '../diagnosis/reasons/explain.ts';
import type { Device, OtherDrop } from '../snapshot/device.ts';
import type { LossSubject } from '../snapshot/losses.ts';
import type { LossCount } from './follow.ts';
import { LossAccounting, type LossSample } from './loss-accounting.ts';

const NO_GAPS = { uncounted: 0, nameless: 0, skipped: 0 };
const ZERO = { overLimit: 0, noRoom: 0, untraced: 0 };

function subject(reason: string, location: string | undefined): LossSubject {
  return {
    netns: 1,
    namespace: undefined,
    device: 'tap0',
    queue: undefined,
    where: 'tun',
    reason,
    location,
    owner: undefined,
  };
}

const REASONS: Readonly<Record<number, string>> = { 1: 'FULL_RING', 3: 'QDISC_OVERLIMIT' };

const subjects = {
  ofCount: ({ key, kind }: LossCount) => subject(REASONS[key.reason] ?? 'OTHER', kind),
  ofDevice: () => subject('UNTRACED', undefined),
};

interface Counted {
  readonly packets: number;
  readonly kind?: string;
  readonly recorded?: number;
  readonly noRoom?: number;
  readonly location?: bigint;
  readonly reason?: number;
}

function count({ packets, kind = 'TRANSMIT', recorded = 0, noRoom = 0, location = 1n, ...more }: Counted): LossCount {
  const key = { deviceId: '7', queue: undefined, reason: kind === 'TRANSMIT' ? 1 : 2, location, ...more };
  return { key, kind, netns: 1, device: 'tap0', packets, recorded, noRoom };
}

function sample(txDropped: number | undefined, ...counts: readonly Counted[]): LossSample {
  const counters = { txPackets: 0, txBytes: 0, txDropped: txDropped ?? 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 };
  const device: Device = {
    netns: 1,
    name: 'tap0',
    ifindex: 2,
    id: '7',
    kind: 'tap',
    up: true,
    carrier: true,
    multiQueue: false,
    persistent: false,
    vnetHeader: false,
    queueLength: 10,
    qdisc: undefined,
    flowControl: undefined,
    flowControlLost: undefined,
    queues: [],
    attachedQueues: 1,
    detachedQueues: 0,
    queueChanges: undefined,
    counters,
    otherDropped: undefined,
    receive: undefined,
    macvtap: undefined,
    uncounted: [],
    audit: [],
    degraded: [],
  };
  const devices = txDropped === undefined ? [] : [device];
  return { counts: counts.map(count), devices, ids: new Set(devices.map(({ id }) => id)), namespaces: new Map() };
}

const ALL = {
  reason: undefined,
  queue: undefined,
  isLoss: (drop: OtherDrop, device: Device) => !isOrdinaryEnd(drop, device),
};

test('what was there before does not count, and what is the same twice is nothing new', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(50, { packets: 3 }));
  assert.deepEqual(accounts.sample(sample(50, { packets: 3 })), { losses: [], elsewhere: [], notShown: ZERO });
  const { losses } = accounts.sample(sample(54, { packets: 7 }));
  assert.deepEqual(losses, [{ ...subject('FULL_RING', 'TRANSMIT'), packets: 4 }]);
});

test('what the device counts beyond what was traced is untraced, and told once', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(50));
  const first = accounts.sample(sample(60, { packets: 4 }));
  assert.deepEqual(first.losses, [
    { ...subject('UNTRACED', undefined), packets: 6 },
    { ...subject('FULL_RING', 'TRANSMIT'), packets: 4 },
  ]);
  assert.equal(accounts.sample(sample(60, { packets: 4 })).losses.length, 0);
  const { packets, notShown, losses } = accounts.summary(0, 1, 0, NO_GAPS);
  assert.deepEqual([packets, notShown.untraced, losses.length], [10, 6, 2]);
});

test('counts that are ahead of the device make nothing untraced', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(0));
  assert.equal(accounts.sample(sample(10, { packets: 15 })).notShown.untraced, 0);
  assert.equal(accounts.sample(sample(30, { packets: 30 })).notShown.untraced, 0);
});

test('a purge is not in tx_dropped, nor is what a qdisc limits; of another loss before tun it is not known', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(0));
  const { notShown } = accounts.sample(
    sample(
      5,
      { packets: 100, kind: 'PURGED', location: 2n },
      { packets: 3, kind: 'ELSEWHERE', location: 3n },
      { packets: 50, kind: 'BEFORE', location: 4n, reason: 3 },
    ),
  );
  assert.equal(notShown.untraced, 2);
});

test('shown and not shown are all there is', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(0));
  accounts.sample(sample(100, { packets: 60, recorded: 10, noRoom: 5 }));
  const second = accounts.sample(sample(200, { packets: 150, recorded: 20, noRoom: 6 }));
  assert.deepEqual(second.notShown, { overLimit: 79, noRoom: 1, untraced: 10 });
  const { shown, notShown, afterEnd, packets } = accounts.summary(17, 1, 0, NO_GAPS);
  assert.deepEqual([notShown, afterEnd], [{ overLimit: 124, noRoom: 6, untraced: 50 }, 3]);
  assert.equal(shown + notShown.overLimit + notShown.noRoom + notShown.untraced + afterEnd, packets);
});

test('told together, all that was traced is shown', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(0));
  accounts.sample(sample(100, { packets: 60 }));
  const { shown, notShown, afterEnd } = accounts.summary(undefined, 1, 0, NO_GAPS);
  assert.deepEqual([shown, notShown, afterEnd], [60, { ...ZERO, untraced: 40 }, 0]);
});

test('of one reason: of the untraced it is not known whether they had it', () => {
  const accounts = new LossAccounting(subjects, { ...ALL, reason: 'FULL_RING' }, sample(0));
  const { losses } = accounts.sample(sample(12, { packets: 7 }, { packets: 3, kind: 'BEFORE', location: 2n }));
  assert.deepEqual(losses, [{ ...subject('FULL_RING', 'TRANSMIT'), packets: 7 }]);
  const { packets, notShown, reasonUnknown } = accounts.summary(0, 1, 0, NO_GAPS);
  assert.deepEqual([packets, notShown.untraced, reasonUnknown], [7, 0, 2]);
});

test('a device that was there and is followed only now begins with what it lost before', () => {
  const accounts = new LossAccounting(subjects, ALL, { ...sample(undefined), ids: new Set(['7']) });
  assert.equal(accounts.sample(sample(1_000_000)).notShown.untraced, 0);
  assert.equal(accounts.sample(sample(1_000_003)).notShown.untraced, 3);
});

test('a device that goes, one that comes', () => {
  const accounts = new LossAccounting(subjects, ALL, sample(undefined));
  assert.equal(
    accounts.sample(sample(9)).notShown.untraced,
    9,
    'it was not there at the first sample: all is of this time',
  );
  accounts.sample(sample(undefined));
  assert.equal(accounts.summary(0, 1, 0, NO_GAPS).devicesGone, 1);
});

test('what the host freed of a guest’s packets is lost, but for the ordinary ends of protocols', () => {
  const freed = (packets: number): LossSample => {
    const refusedByHost = ['NETFILTER_DROP', 'TCP_OLD_ACK', 'SOCKET_CLOSE'].map((reason) => ({
      reason,
      location: 'other',
      packets,
    }));
    const unwanted = { reason: 'NO_SOCKET', location: 'other', packets, unwanted: true };
    const lostBeyond = ['IP_OUTNOROUTES', 'TCP_RESET'].map((reason) => ({
      reason,
      location: 'other',
      packets: 2 * packets,
      beyond: { netns: 9, sentBy: 'up0' },
    }));
    const receive = { dropped: [], refusedByHost: [...refusedByHost, unwanted], refused: [], frameErrors: 0 };
    const all = sample(0);
    return { ...all, devices: all.devices.map((device) => ({ ...device, receive, lostBeyond })) };
  };
  const accounts = new LossAccounting(subjects, ALL, freed(3));
  assert.deepEqual(
    accounts.sample(freed(8)).elsewhere.map(({ where, reason, packets }) => `${packets} ${where} ${reason}`),
    ['10 beyond IP_OUTNOROUTES', '5 after NETFILTER_DROP'],
  );
});
