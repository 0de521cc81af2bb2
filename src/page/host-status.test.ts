// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The first sentence of the page: what needs action, what is lost this second, and that a hidden device is not none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import { judge } from '../diagnosis/judge.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { statusOf } from '../diagnosis/status.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { sentenceOf } from './host-status.ts';
import { shareLost } from './page-figures.ts';

const HUNG = { queues: [{ delivered: 0, lost: 500, occupancy: 1000, full: { sleeping: 1 } }] };

function said(taps: Parameters<typeof quietHost>[0], more: Partial<LiveMessage> = {}): string {
  const window = quietHost(taps);
  const { findings, unjudged } = judge(window);
  const takenAt = window.endedAt;
  return sentenceOf({
    ...{ schema: 1, host: { kernel: '6.12.48', version: '0.1.0' }, takenAt, seconds: 1 },
    verdict: statusOf({ findings, unjudged }),
    findings: findings.map((one) => ({ ...one, since: takenAt, seen: takenAt })),
    unjudged,
    queues: queueRates(window, window),
    ...more,
  });
}

test('a healthy host, and one without devices', () => {
  assert.equal(said([{}]), '1 queue watched, nothing to do.');
  assert.equal(said([]), 'No tun or tap queue is on this host now.');
});

test('devices that the filter hides are not none', () => {
  assert.equal(
    said([], { hiddenDevices: 1 }),
    'No queue is shown: the device filter of the agent (--device-include, --device-exclude) hides 1 device.',
  );
});

test('which devices need action, and apart from that what is lost this second; all numbers are grouped', () => {
  const taps = Array.from({ length: 1200 }, (_, index) => (index === 7 ? HUNG : {}));
  assert.equal(said(taps), 'tap7 needs action. This second 1 of 1\u202f200 queues loses 500 packets.');
  assert.equal(said([HUNG]), 'tap0 needs action. This second its queue loses 500 packets.');
});

test('a share is of what was counted alike, and none is more than all', () => {
  assert.equal(shareLost(250, 1000), '25 % of what was offered');
  assert.equal(shareLost(1000, 1000), '100 % of what was offered');
  assert.equal(shareLost(9180, 6540), '6\u202f540 were offered this second');
  assert.equal(shareLost(9180, undefined), 'of how many is not measured');
  assert.equal(shareLost(0, 0), 'nothing was offered');
});
