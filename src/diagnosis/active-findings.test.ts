// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUpFinding } from '../../test/snapshots/made-up-finding.ts';
import { type TrackedFinding, track } from './active-findings.ts';

const full = madeUpFinding({
  rule: 'reader-stalled',
  severity: 'critical',
  netns: 1,
  device: 'tap0',
  queue: 0,
  cause: 'No reader takes packets from tap0.',
});

/** `made` says for each second whether the finding was made; returns the seconds in which it was active. */
function seconds(made: readonly boolean[]): readonly number[] {
  let active: readonly TrackedFinding[] = [];
  return made.flatMap((one, second) => {
    active = track(active, one ? [full] : [], second);
    return active.some(({ isActive }) => isActive) ? [second] : [];
  });
}

test('made once, a finding does not stand; made twice running, it does', () => {
  assert.deepEqual(seconds([true, false, true, false]), []);
  assert.deepEqual(seconds([false, true, true]), [2]);
});

test('it goes when nothing has made it for 30 s, and what comes back meanwhile is the same one', () => {
  const quiet = new Array<boolean>(29).fill(false);
  assert.equal(seconds([true, true, ...quiet, false, false]).at(-1), 30);
  let active = track(track([], [full], 100), [full], 101);
  active = track(active, [], 120);
  active = track(active, [{ ...full, severity: 'warning' }], 125);
  assert.deepEqual(
    active.map(({ since, seen, isActive, finding }) => [since, seen, isActive, finding.severity]),
    [[100, 125, true, 'warning']],
  );
});

test('a clock that is set back keeps no finding active, and none is active since a moment that has not come yet', () => {
  const active = track(track([], [full], 7200), [full], 7201);
  assert.equal(track(active, [], 10).length, 1);
  assert.deepEqual(track(track(active, [], 10), [], 41), []);
  const [made] = track(active, [full], 10);
  assert.deepEqual([made?.since, made?.seen], [10, 10]);
});

test('queues, devices and namespaces are told apart', () => {
  const findings = [full, { ...full, queue: 1 }, { ...full, device: 'tap1' }, { ...full, netns: 2 }];
  assert.equal(track(track([], findings, 1), findings, 2).filter(({ isActive }) => isActive).length, 4);
});
