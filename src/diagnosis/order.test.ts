// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, integer, option, record } from 'fast-check';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { madeUpFinding } from '../../test/snapshots/made-up-finding.ts';
import type { Finding } from './finding.ts';
import { explained, inOrder, isProblem } from './order.ts';
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

holdsForAll(
  'what comes first is of a device with the worst finding of all, and explains as much as any of that device',
  findings,
  (all) => {
    const [first, ...others] = inOrder(all);
    if (first === undefined) return;
    const beside = [first, ...others.filter(({ device }) => device === first.device)];
    assert.ok(
      beside.some(({ severity }) => severity === statusOf({ findings: all, unjudged: [] }) || severity === 'info'),
    );
    const problems = beside.filter(isProblem);
    if (problems.length === 0) return assert.equal(others.some(isProblem), false);
    assert.ok(isProblem(first));
    assert.ok(problems.every((one) => explained(one) < 5 * 5 * Math.max(1, explained(first))));
  },
  { runs: 2000 },
);

const of = (severity: Finding['severity'], explains: number, more: Partial<Finding> = {}): Finding =>
  madeUpFinding({ rule: 'qdisc-drop', severity, queue: undefined, cause: '', explains, ...more });

test('of a device what explains most comes first, of like losses the graver; else the order stays', () => {
  const [small, like, large] = [of('warning', 100), of('warning', 120), of('warning', 9000)];
  assert.deepEqual(inOrder([small, like, large]), [large, small, like]);
  const [grave, lesser] = [of('critical', 287), of('critical', 110)];
  assert.deepEqual(inOrder([small, grave, lesser, large]), [large, grave, lesser, small]);
});

test('a device with a graver finding comes before one that loses more', () => {
  const [firewall, other] = [of('warning', 9343), of('critical', 287, { device: 'tap1' })];
  assert.deepEqual(inOrder([firewall, other]), [other, firewall]);
});
