// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import { judge } from '../diagnosis/judge.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { statusOf } from '../diagnosis/status.ts';
import { renderPageText } from './page-text.ts';

function textOf(taps: Parameters<typeof quietHost>[0]): string {
  const window = quietHost(taps);
  const verdict = judge(window);
  const queues = queueRates(window, window);
  return renderPageText({ verdict: statusOf(verdict), findings: verdict.findings, queues, takenAt: window.endedAt });
}

test('a fault is told with its evidence and what is to be typed, losing queues first', () => {
  const text = textOf([{}, { queues: [{ delivered: 0, lost: 500, occupancy: 1000, full: { sleeping: 1 } }] }]);
  assert.match(text, /^<h2>CRITICAL: 2 queues, 1 finding<\/h2>/);
  assert.match(text, /<h2>CRITICAL: tap1 lost 5 000 of 5 000 packets: /);
  assert.match(text, /<pre>ps -L -o .*<\/pre>/);
  assert.match(
    text,
    /<ul>\n<li><strong>tap1\/0<\/strong>: 500 of 500 packets\/s lost, 1 000 of 1 000 in the ring, openvpn \(pid \d+\) in /,
  );
});

test('a host on which all is well, and one without devices', () => {
  assert.match(textOf([{}]), /^<h2>OK: 1 queue, nothing was found<\/h2>/);
  assert.match(textOf([]), /<p>No tun, tap or macvtap device is on this host\.<\/p>/);
  const nothing = { verdict: 'ok', findings: [], queues: [], takenAt: 1 } as const;
  assert.match(
    renderPageText({ ...nothing, hiddenDevices: 3 }),
    /<p>No queue is shown: the device filter of the agent \(--device-include, --device-exclude\) hides 3 devices\.<\/p>/,
  );
});

test('names are no markup', () => {
  const text = textOf([{ more: () => ({ name: '</noscript>' }) }]);
  assert.ok(!text.includes('</noscript') && text.includes('&lt;/noscript&gt;/0'));
});
