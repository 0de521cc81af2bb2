// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// How the page folds findings: by rule and severity, with a count.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUpFinding } from '../../test/snapshots/made-up-finding.ts';
import type { ReportedFinding } from '../diagnosis/active-findings.ts';
import { groupsOf, placeOf, titleOfRule } from './finding-groups.ts';

const NOW = 1_795_000_000;

function told(rule: string, device: string, more: Partial<ReportedFinding> = {}): ReportedFinding {
  const finding = madeUpFinding({ rule, severity: 'info', device, cause: `${device} …` });
  return { ...finding, since: NOW - 60, seen: NOW, ...more };
}

test('193 equal notes are one line with a count', () => {
  const notes = Array.from({ length: 193 }, (_, i) => told('no-reader', `tap${i}`));
  const [first, ...others] = groupsOf([told('reader-stalled', 'tap500', { severity: 'critical' }), ...notes], NOW);
  assert.equal(first?.rule, 'reader-stalled');
  assert.deepEqual(
    others.map(({ rule, findings }) => [rule, findings.length]),
    [['no-reader', 193]],
  );
});

test('one rule at two severities is two lines, the worst first', () => {
  const groups = groupsOf([told('qdisc-drop', 'a', { severity: 'warning' }), told('qdisc-drop', 'b')], NOW);
  assert.deepEqual(
    groups.map(({ severity }) => severity),
    ['warning', 'info'],
  );
});

test('what ended is after what lasts, with any severity', () => {
  const groups = groupsOf(
    [told('reader-stalled', 'a', { severity: 'critical', seen: NOW - 20 }), told('queue-hot', 'b')],
    NOW,
  );
  assert.deepEqual(
    groups.map(({ rule, isEnded }) => [rule, isEnded]),
    [
      ['queue-hot', false],
      ['reader-stalled', true],
    ],
  );
});

test('names are words', () => {
  assert.equal(titleOfRule('reader-cpu-bound'), 'Reader cpu bound');
  assert.equal(placeOf(told('x', 'vnet0')), 'vnet0 queue 0');
  assert.equal(placeOf({ device: undefined, queue: undefined }), 'the agent');
});
