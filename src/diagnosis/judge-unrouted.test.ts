// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// When what the host drops before it has chosen a device makes a host doubtful, although no operator asks about a device.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost, SECONDS, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { UnroutedDrop } from '../snapshot/snapshot.ts';
import { judge } from './judge.ts';
import { statusOf } from './status.ts';

const dropped = (perSecond: number): readonly UnroutedDrop[] => [
  { netns: 1, reason: 'NETFILTER_DROP', location: 'nf_hook_slow', packets: 1000 + perSecond * SECONDS },
];
const tap = (delivered: number, netns = 1): TapPlan => ({ queues: [{ delivered }], more: () => ({ netns }) });

function judged(taps: readonly TapPlan[], perSecond: number, isAsked = false) {
  const quiet = quietHost(taps);
  const agentBefore = { ...quiet.agentBefore, unrouted: dropped(0) };
  const window = { ...quiet, agentBefore, agent: { ...quiet.agent, unrouted: dropped(perSecond) } };
  return judge(window, isAsked ? window.devices[0] : undefined);
}

for (const [host, taps, perSecond, named] of [
  ['half of the packets', [tap(1000)], 1000, ['tap0']],
  ['a fifth', [tap(1000)], 250, ['tap0']],
  ['less than a fifth', [tap(1000)], 240, []],
  ['less than a fifth of what came to all devices', [tap(1000), tap(5000)], 1000, []],
  ['half, and a device of the namespace is idle', [tap(0), tap(1000)], 1000, ['tap1']],
  ['half of few packets', [tap(9)], 9, []],
  ['packets of a namespace whose devices are idle', [tap(0)], 1000, []],
  ['packets of another namespace', [tap(1000, 2)], 1000, []],
  [
    'half of what came to seven',
    Array.from({ length: 7 }, (_, i) => tap(100 + i)),
    700,
    [6, 5, 4, 3, 2].map((i) => `tap${i}`),
  ],
] as const)
  test(`dropped before a device was chosen: ${host}`, () => {
    const verdict = judged(taps, perSecond);
    assert.deepEqual(
      verdict.findings.map(({ rule, device }) => [rule, device]),
      named.map((name) => ['agent-blind', name]),
    );
    assert.equal(statusOf(verdict), named.length > 0 ? 'unknown' : 'ok');
    for (const { cause, evidence, remedies } of verdict.findings) {
      assert.match(cause, /packets that came into its namespace were dropped before the host chose a device: how many/);
      assert.ok(cause.length <= 200 && evidence.every((line) => line.length <= 100));
      assert.equal(remedies[0]?.command, 'nft list ruleset');
    }
  });

for (const [device, delivered, perSecond, answer] of [
  ['got nothing, and senders ask for it once a second', 0, 1, 'unknown'],
  ['got nothing, and a few were for nobody', 0, 0.4, 'ok'],
  ['got all that was sent, beside a trickle', 1000, 1, 'ok'],
] as const)
  test(`the asked device ${device}`, () => {
    assert.equal(statusOf(judged([tap(delivered)], perSecond, true)), answer);
  });
