// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// When a device that is asked about and on which nothing was found is not OK.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost, type TapPlan } from '../../../test/snapshots/quiet-host.ts';
import type { UnroutedDrop } from '../../snapshot/snapshot.ts';
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
/** The device saw no packet. */
const idle: TapPlan = { queues: [{ delivered: 0 }], more: () => ({ counters: counters(0) }) };

function asked(taps: readonly TapPlan[], unrouted: readonly UnroutedDrop[] = [], before: readonly UnroutedDrop[] = []) {
  const quiet = quietHost(taps);
  const agentBefore = { ...quiet.agentBefore, unrouted: before };
  const window = { ...quiet, agentBefore, agent: { ...quiet.agent, unrouted } };
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
  assert.match(findings[0]?.doubts?.[0] ?? '', /3 000 packets to and from other devices of its namespace were dropped/);
});

test('a few virtio-net headers that tun could not follow', () => {
  const receive = (frameErrors: number) => ({ dropped: [], refused: undefined, frameErrors });
  const { status, findings } = asked([
    { ...idle, more: (second) => ({ counters: counters(0), receive: receive(second) }) },
  ]);
  assert.equal(status, 'unknown');
  assert.match(findings[0]?.doubts?.[0] ?? '', /dropped 10 of 10 packets from it/);
});

test('rx_dropped grows, and no probe saw why', () => {
  const { status, findings } = asked([{ ...idle, more: (second) => ({ counters: counters(10 * second) }) }]);
  assert.equal(status, 'unknown');
  assert.match(findings[0]?.doubts?.[0] ?? '', /rx_dropped grew by 100/);
});

/** Packets dropped in the tap's namespace, or in another. */
const unrouted = (packets: number, netns = 1): UnroutedDrop => ({
  netns,
  reason: 'NETFILTER_DROP',
  location: 'nf_hook_slow',
  packets,
});

test('half of what was on its way was dropped before the host chose a device', () => {
  const { status, findings } = asked([{ queues: [{ delivered: 1000 }] }], [unrouted(10_000)]);
  assert.deepEqual([status, findings.map(({ rule }) => rule)], ['unknown', ['not-here']]);
  assert.match(findings[0]?.cause ?? '', /10 000 packets were dropped in its namespace before the host chose a device/);
  assert.match(findings[0]?.doubts?.[0] ?? '', /NETFILTER_DROP in nf_hook_slow.*; it was offered 10 000/);
});

for (const [reason, command] of [
  ['NETFILTER_DROP', 'nft list ruleset'],
  ['IP_RPFILTER', 'sysctl net.ipv4.conf.all.rp_filter'],
  ['IP_INNOROUTES', 'ip route show table all'],
] as const)
  test(`packets were dropped for ${reason}: what to type`, () => {
    const { findings } = asked(
      [idle],
      [
        { ...unrouted(50), reason },
        { ...unrouted(49), reason: 'OTHER' },
      ],
    );
    const remedies = findings[0]?.remedies ?? [];
    assert.equal(remedies[0]?.command, command);
    for (const { effect, inspects } of remedies) assert.ok(inspects && effect.length <= 160, effect);
  });

for (const [packets, delivered, netns, answer] of [
  [100, 1000, 1, 'ok'], // 1 % of 10 100 is more
  [102, 1000, 1, 'unknown'],
  [49, 10, 1, 'ok'],
  [50, 10, 1, 'unknown'],
  [10_000, 1000, 2, 'ok'],
] as const)
  test(`${packets} dropped in namespace ${netns} beside ${10 * delivered} that came: ${answer}`, () => {
    assert.equal(asked([{ queues: [{ delivered }] }], [unrouted(packets, netns)]).status, answer);
  });

test('what was dropped before the window, or was not measured then, is not of it', () => {
  const tap: TapPlan = { queues: [{ delivered: 1000 }] };
  assert.equal(asked([tap], [unrouted(10_000)], [unrouted(9990)]).status, 'ok');
  const quiet = quietHost([tap]);
  const agent = { ...quiet.agent, unrouted: [unrouted(10_000)] };
  assert.equal(statusOf(judge({ ...quiet, agent }, quiet.devices[0])), 'ok');
});
