// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The ledger of a device adds up, or says by how much it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';
import { type LedgerColumn, ledgerOf } from './ledger.ts';

function ledger(plan: TapPlan) {
  const [span] = quietHost([plan]).devices;
  assert.ok(span);
  return ledgerOf(span);
}

const counters = (second: number, more: Partial<Device['counters']> = {}): Device['counters'] => ({
  txPackets: 100 * second,
  txBytes: 0,
  txDropped: 0,
  rxPackets: 50 * second,
  rxBytes: 0,
  rxDropped: 0,
  ...more,
});

function sumOf({ rows, unaccounted }: LedgerColumn): number {
  return rows.reduce((sum, { packets }) => sum + packets, unaccounted);
}

test('what the host dropped is taken off what came from the device', () => {
  const found = ledger({
    more: (second) => ({
      counters: counters(second),
      receive: {
        dropped: [],
        refusedByHost: [{ reason: 'UDP_CSUM', location: 'udp_queue_rcv_one_skb', packets: 20 * second }],
        refused: [{ errno: 'EIO', writes: second }],
        frameErrors: 0,
      },
    }),
  });
  assert.deepEqual(found?.from, {
    total: 500,
    rows: [
      { fate: 'taken by the host or sent on by it', packets: 300 },
      { fate: 'dropped by the host: UDP_CSUM in udp_queue_rcv_one_skb', packets: 200, isLost: true },
    ],
    unaccounted: 0,
  });
  assert.deepEqual(found?.refused, [{ fate: 'writes that failed with EIO', packets: 10 }]);
});

test('broadcasts for others are told apart from the same drop of a packet for the host', () => {
  const drop = { reason: 'UNHANDLED_PROTO', location: '__netif_receive_skb_core' };
  const found = ledger({
    more: (second) => ({
      counters: counters(second),
      receive: {
        dropped: [],
        refusedByHost: [
          { ...drop, packets: 3 * second },
          { ...drop, packets: 5 * second, unwanted: true },
        ],
        refused: undefined,
        frameErrors: 0,
      },
    }),
  });
  assert.ok(found);
  const lost = found.from.rows.filter(({ isLost }) => isLost).map(({ packets }) => packets);
  assert.deepEqual([lost, sumOf(found.from)], [[30], found.from.total]);
});

test('a drop that the kernel counts in two places is one', () => {
  const noop = { reason: 'QDISC_DROP', location: '__dev_queue_xmit' };
  const found = ledger({
    more: (second) => ({
      counters: counters(second, { txDropped: 30 * second }),
      otherDropped: [{ ...noop, packets: 30 * second }],
    }),
  });
  assert.equal(found?.to.total, 1300);
  assert.equal(found?.to.unaccounted, 0);
  assert.equal(sumOf(found.to), found.to.total);
});

test('drops that only the kernel counted have no known fate', () => {
  const found = ledger({ more: (second) => ({ counters: counters(second, { txDropped: 7 * second }) }) });
  assert.equal(found?.to.unaccounted, 70);
  assert.equal(sumOf(found.to), found.to.total);
});

test('what the host sent on has rows of its own, and the rest is what it kept', () => {
  const found = ledger({
    more: (second) => ({
      counters: counters(second),
      receive: { dropped: [], refusedByHost: [], refused: undefined, frameErrors: 0 },
      sentOn: [
        { device: 'eth0', ports: 1, packets: 7 + 30 * second },
        { ports: 2, packets: 10 * second },
      ],
    }),
  });
  assert.deepEqual(found?.from.rows, [
    { fate: 'kept by the host: its sockets, or a device of its own on top (a bridge, a VLAN)', packets: 100 },
    { fate: 'sent on by eth0', packets: 300 },
    { fate: 'copied to 2 devices', packets: 100 },
  ]);
});

test('of a window that began before anybody asked, the rest may have been sent on too', () => {
  const found = ledger({
    more: (second) => ({
      counters: counters(second),
      receive: { dropped: [], refusedByHost: [], refused: undefined, frameErrors: 0 },
      sentOn: second < 5 ? undefined : [{ device: 'eth0', ports: 1, packets: 50 * (second - 5) }],
    }),
  });
  assert.deepEqual(found?.from.rows, [
    { fate: 'taken by the host or sent on by it', packets: 250 },
    { fate: 'sent on by eth0', packets: 250 },
  ]);
});

test('a macvtap receives what is for its guest, and sends what comes from it', () => {
  const found = ledger({
    queues: [{ occupancy: 0 }],
    more: (second) => ({
      kind: 'macvtap',
      macvtap: {
        offered: 100 * second,
        dropped: [{ reason: 'FULL_RING', location: 'tap_handle_frame', packets: 40 * second }],
        delivered: undefined,
        written: 30 * second,
        refused: 20 * second,
      },
    }),
  });
  assert.deepEqual(found, {
    to: {
      total: 1000,
      rows: [
        { fate: 'delivered to its guest or reader', packets: 600 },
        { fate: 'lost in it: FULL_RING in tap_handle_frame', packets: 400, isLost: true },
      ],
      unaccounted: 0,
    },
    from: {
      total: 500,
      rows: [
        { fate: 'sent on by the device below it', packets: 300 },
        { fate: 'refused by the device below it', packets: 200, isLost: true },
      ],
      unaccounted: 0,
    },
    refused: [],
  });
});
