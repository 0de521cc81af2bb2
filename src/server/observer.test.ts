// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { createObserver } from './observer.ts';

const BEGIN = 1_700_000_000;

test('findings stand from the second judgement on, and for 30 s after the last one, though none comes', () => {
  const observer = createObserver();
  const rulesAt = (second: number) => observer.active(BEGIN + second).map(({ rule }) => rule);
  assert.deepEqual(rulesAt(0), []);
  // Two snapshots make a judgement. The golden agent lacks probes, is over its budget, and one device’s figures are off: one finding.
  for (const second of [0, 1]) observer.see({ ...goldenSnapshot, takenAt: BEGIN + second });
  assert.deepEqual(rulesAt(1), []);
  observer.see({ ...goldenSnapshot, takenAt: BEGIN + 2 });
  const blind = ['agent-blind'];
  assert.deepEqual([2, 31, 32].map(rulesAt), [blind, blind, []]);
});
