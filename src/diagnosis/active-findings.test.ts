// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Standing, stand } from './active-findings.ts';
import type { Finding } from './finding.ts';

const full: Finding = {
  rule: 'reader-stalled',
  severity: 'critical',
  netns: 1,
  device: 'tap0',
  queue: 0,
  cause: 'No reader takes packets from tap0.',
  evidence: [],
  remedies: [],
  rejected: [],
  confidence: 'high',
  degraded: [],
};

/** Of each second, whether the finding was made; answers in which seconds it stood. */
function seconds(made: readonly boolean[]): readonly number[] {
  let standing: readonly Standing[] = [];
  return made.flatMap((one, second) => {
    standing = stand(standing, one ? [full] : [], second);
    return standing.some(({ stands }) => stands) ? [second] : [];
  });
}

test('made once, a finding does not stand; made twice running, it does', () => {
  assert.deepEqual(seconds([true, false, true, false]), []);
  assert.deepEqual(seconds([false, true, true]), [2]);
});

test('it goes when nothing has made it for 30 s, and what comes back meanwhile is the same one', () => {
  const quiet = new Array<boolean>(29).fill(false);
  assert.equal(seconds([true, true, ...quiet, false, false]).at(-1), 30);
  let standing = stand(stand([], [full], 100), [full], 101);
  standing = stand(standing, [], 120);
  standing = stand(standing, [{ ...full, severity: 'warning' }], 125);
  assert.deepEqual(
    standing.map(({ since, seen, stands, finding }) => [since, seen, stands, finding.severity]),
    [[100, 125, true, 'warning']],
  );
});

test('a clock that is set back keeps nothing standing, and nothing stands since a time to come', () => {
  const standing = stand(stand([], [full], 7200), [full], 7201);
  assert.equal(stand(standing, [], 10).length, 1);
  assert.deepEqual(stand(stand(standing, [], 10), [], 41), []);
  const [made] = stand(standing, [full], 10);
  assert.deepEqual([made?.since, made?.seen], [10, 10]);
});

test('queues, devices and namespaces are told apart', () => {
  const findings = [full, { ...full, queue: 1 }, { ...full, device: 'tap1' }, { ...full, netns: 2 }];
  assert.equal(stand(stand([], findings, 1), findings, 2).filter(({ stands }) => stands).length, 4);
});
