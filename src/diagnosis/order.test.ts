// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, integer, option, record } from 'fast-check';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { statusLine } from '../outputs/first-line.ts';
import { report, track } from './active-findings.ts';
import type { Finding } from './finding.ts';
import { inOrder, largestBeside } from './order.ts';
import { statusOf } from './status.ts';

const packets = integer({ min: 0, max: 10_000_000 });
const findings = array(
  record({
    rule: constantFrom('reader-stalled', 'host-firewall', 'qdisc-drop', 'queue-hot', 'no-reader'),
    severity: constantFrom('critical', 'warning', 'info'),
    device: constantFrom('tap0', 'tap1', 'tap2'),
    queue: option(integer({ min: 0, max: 3 }), { nil: undefined }),
    explains: option(packets, { nil: undefined }),
    lost: packets,
  }),
  { maxLength: 12 },
).map((all): readonly Finding[] =>
  all.map(({ explains, lost, ...one }) => ({
    ...one,
    netns: 1,
    cause: `${one.device} lost ${lost} of ${lost} packets`,
    brief: 'loses all packets',
    evidence: [],
    remedies: [],
    rejected: [],
    confidence: 'high',
    degraded: [],
    figures: {
      seconds: 10,
      offered: lost,
      lost,
      share: 1,
      lostBefore: undefined,
      occupancy: undefined,
      capacity: undefined,
    },
    ...(explains !== undefined && { explains }),
  })),
);

/** The word before the first colon. */
function wordOf(all: readonly Finding[]): string {
  const verdict = { findings: all, unjudged: [] };
  const [devices, host] = [goldenSnapshot.devices, { kernel: '6.12', version: '1' }];
  const judged = { verdict, inconclusive: [], devices, last: goldenSnapshot, seconds: 10, isRenamed: false, host };
  const line = statusLine({ ...judged, status: statusOf(verdict) });
  return line.slice(0, line.indexOf(':')).toLowerCase();
}

holdsForAll(
  'the first line has the severity of the worst finding, which is what the exit code says',
  record({ made: findings, before: findings, later: integer({ min: 1, max: 29 }) }),
  ({ made, before, later }) => {
    assert.equal(wordOf(inOrder(made)), statusOf({ findings: made, unjudged: [] }));
    // What has ended meanwhile is told too.
    const old = track(track([], before, 98), before, 99);
    const now = track(track(old, inOrder(made), 99 + later), inOrder(made), 100 + later);
    const active = now.filter(({ isActive }) => isActive).map(report);
    assert.equal(wordOf(active), statusOf({ findings: active, unjudged: [] }));
  },
  { runs: 2000 },
);

const of = (severity: Finding['severity'], explains: number, more: Partial<Finding> = {}): Finding => ({
  ...{
    rule: 'qdisc-drop',
    severity,
    netns: 1,
    device: 'tap0',
    queue: undefined,
    cause: '',
    evidence: [],
    remedies: [],
  },
  ...{ rejected: [], confidence: 'high', degraded: [], explains },
  ...more,
});

test('of like gravity what explains most comes first; of like losses the order stays', () => {
  const [small, like, large] = [of('warning', 100), of('warning', 120), of('warning', 9000)];
  assert.deepEqual(inOrder([small, like, large]), [large, small, like]);
});

test('a graver finding comes first, and what loses several times as much beside it is known', () => {
  const [grave, firewall] = [of('critical', 287), of('warning', 9343, { rule: 'host-firewall' })];
  assert.deepEqual(inOrder([firewall, grave]), [grave, firewall]);
  assert.equal(largestBeside(grave, [grave, firewall]), firewall);
  assert.equal(largestBeside(grave, [grave, of('warning', 1000)]), undefined);
  assert.equal(largestBeside(grave, [grave, { ...firewall, device: 'tap1' }]), undefined);
});
