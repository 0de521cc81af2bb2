// SPDX-License-Identifier: Apache-2.0
// When a device that is asked about and on which nothing was found is not OK.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost, type TapPlan } from '../../../lab/snapshots/quiet-host.ts';
import { judge } from '../judge.ts';
import { statusOf } from '../status.ts';

const counters = (rxDropped: number) => ({
  txPackets: 0,
  txBytes: 0,
  txDropped: 0,
  rxPackets: 0,
  rxBytes: 0,
  rxDropped,
});
/** It saw no packet. */
const idle: TapPlan = { queues: [{ delivered: 0 }], more: () => ({ counters: counters(0) }) };

function asked(taps: readonly TapPlan[]) {
  const window = quietHost(taps);
  const verdict = judge(window, window.devices[0]);
  const findings = verdict.findings.filter(({ device }) => device === window.devices[0]?.now.name);
  return { status: statusOf({ findings, unjudged: [] }), findings };
}

test('an idle device is OK', () => {
  const { status, findings } = asked([idle]);
  assert.deepEqual([status, findings.map(({ rule }) => rule)], ['ok', ['not-here']]);
});

test('it saw nothing while packets to its neighbour were dropped', () => {
  const { status, findings } = asked([idle, { before: { 'NETFILTER_DROP@nf_hook_slow': 300 } }]);
  assert.equal(status, 'unknown');
  assert.match(findings[0]?.degraded[0] ?? '', /3 000 packets to and from other devices of its namespace were dropped/);
});

test('a few virtio-net headers that tun could not follow', () => {
  const receive = (frameErrors: number) => ({ dropped: [], refused: undefined, frameErrors });
  const { status, findings } = asked([
    { ...idle, more: (second) => ({ counters: counters(0), receive: receive(second) }) },
  ]);
  assert.equal(status, 'unknown');
  assert.match(findings[0]?.degraded[0] ?? '', /dropped 10 of 10 packets from it/);
});

test('rx_dropped grows, and no probe saw why', () => {
  const { status, findings } = asked([{ ...idle, more: (second) => ({ counters: counters(10 * second) }) }]);
  assert.equal(status, 'unknown');
  assert.match(findings[0]?.degraded[0] ?? '', /rx_dropped grew by 100/);
});
