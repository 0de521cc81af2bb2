// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { madeUpFinding } from '../../test/snapshots/made-up-finding.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import { statusOf } from '../diagnosis/status.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type Checked, itemsOf, renderCheck } from './check-text.ts';

const full = madeUpFinding({
  rule: 'reader-stalled',
  severity: 'critical',
  netns: 4026531840,
  device: 'tap0',
  queue: 0,
  cause: 'No reader takes packets from tap0 queue 0.',
});
const NOTHING: Verdict = { findings: [], unjudged: [] };
const sighted: Snapshot = {
  ...goldenSnapshot,
  agent: { ...goldenSnapshot.agent, probes: goldenSnapshot.agent.probes.slice(0, 1) },
};

const AGENT = { pid: 7, level: 'exact' };

function checked(verdict: Verdict, last = sighted): Checked {
  const host = { kernel: '6.12.48', version: '0.1.0' };
  return {
    status: statusOf(verdict),
    verdict,
    devices: last.devices,
    last,
    seconds: 0.91,
    isRenamed: false,
    inconclusive: [],
    host,
    agent: AGENT,
    rules: 5,
  };
}

/** Rows of the whole screen. */
function screen(one: Checked, width = 80): readonly string[] {
  return renderCheck(one, itemsOf(one), { width, colours: false }).trimEnd().split('\n');
}

test('a healthy host', () => {
  assert.deepEqual(screen(checked(NOTHING)), [
    'OK: 4 devices, 5 queues, nothing to do',
    '',
    '✓ devices             4 in 2 namespaces, with 5 queues, 0 of them full now',
    '✓ probes              every event is measured',
    '✓ agent               pid 7, level exact',
    '✓ other rules         5 found nothing',
    '– lost before         2 devices lost packets since they were made; the worst is',
    '                      tap0: 107 (5.7 %)',
    '– not judged here     what 0.9 s do not show: rare bursts, what readers do over',
    "                      time; 'tapscope diagnose' looks longer, and says what to",
    '                      type',
  ]);
});

test('devices that the filter of the agent hides are said, and are not none', () => {
  const words = 'the device filter of the agent (--device-include, --device-exclude) hides 2 devices';
  const filtered = { ...sighted, agent: { ...sighted.agent, hiddenDevices: 2 } };
  assert.ok(screen(checked(NOTHING, filtered), 250).join('\n').includes(`, 0 of them full now; ${words}\n`));
});

test('findings of one kind are one item', () => {
  const others = [1, 2, 3, 4, 5].map((queue) => ({ ...full, queue }));
  const one = checked({ findings: [full, ...others, { ...full, severity: 'info', rule: 'no-reader' }], unjudged: [] });
  const rows = screen(one).join('\n');
  assert.match(
    rows,
    /\n× reader-stalled {6}No reader takes packets from tap0 queue 0\. \(In namespace\n +4026531840\.\) The same of 5 more: tap0\/1, tap0\/2, tap0\/3, …\n/,
  );
  assert.match(rows, /\n– no-reader /);
  assert.match(rows, /\n✓ other rules {9}3 found nothing\n/);
});

test('a device of the same name in another namespace is named with that', () => {
  const far = { ...full, queue: undefined, netns: 4026532285 };
  assert.match(
    screen(checked({ findings: [full, far], unjudged: [] }), 250).join('\n'),
    / The same of 1 more: blue\S*\/tap0\n/,
  );
});

test('a finding that stands and is not made any more says when it was', () => {
  const told = { ...full, since: 0, seen: sighted.takenAt - 21 };
  const rows = screen(checked({ findings: [told], unjudged: [] }), 120).join('\n');
  assert.match(rows, /× reader-stalled +No reader .* Last seen 21 s ago\./);
});

test('the first line is never wrapped; what follows is, and has no second | for Nagios', () => {
  const one = checked({
    findings: [{ ...full, cause: 'tap0|x is not read, and this is why it is not read: a|b.' }],
    unjudged: [],
  });
  const [first = '', ...rest] = renderCheck(one, itemsOf(one), { width: 20, colours: false }, 'a=1 b=2').split('\n');
  assert.match(first, /^CRITICAL: tap0¦x is not read, and this is why it is not read: a¦b\. Type: .*\|a=1 b=2$/);
  assert.ok(!rest.join('').includes('|'));
  assert.ok(rest.every((row) => row.length <= 20));
});

test('what could not be judged is said, and is not OK', () => {
  const unjudged = [{ rule: 'queue-hot', because: 'packets offered to queues are not watched' }];
  const one = { ...checked({ findings: [], unjudged }, goldenSnapshot), agent: undefined };
  const [status = '', ...rows] = screen(one);
  assert.match(status, /^UNKNOWN: 4 devices, 5 queues, nothing found, but not everything could be judged/);
  const all = rows.join('\n');
  assert.match(all, /‼ probes {14}packets taken out of rings are not watched[^;]*; 'tapscope/);
  assert.match(all, /‼ blind rules {9}queue-hot: packets offered to queues are not watched\n/);
  assert.match(all, /– agent {15}not running/);
});

test('many rules that cannot judge are counted, and one of two devices of a name is told from the other', () => {
  const unjudged = ['a', 'b', 'c', 'd', 'e'].map((rule) => ({ rule, because: 'drops are not watched' }));
  assert.match(
    screen(checked({ ...NOTHING, unjudged })).join('\n'),
    /blind rules +5 of 5: 'tapscope diagnose' lists them/,
  );
  const lone = { ...full, device: 'macvtap0', cause: 'x' };
  assert.match(screen(checked({ ...NOTHING, findings: [lone] })).join('\n'), /reader-stalled +x\n/);
});

test('however many kinds of findings there are, they fit one screen, and 20 columns', () => {
  const findings = Array.from({ length: 30 }, (_, index) => ({
    ...full,
    rule: `rule-${index}`,
    cause: `\u001b${index}`,
  }));
  const one = checked({ findings, unjudged: [] });
  assert.ok(screen(one).length <= 24, `${screen(one).length} rows`);
  assert.match(screen(one).join('\n'), /and 22 more kinds of findings/);
  assert.deepEqual(
    screen(one, 20)
      .slice(1)
      .filter((row) => [...row].length > 20),
    [],
  );
  assert.ok(!screen(one).join('').includes('\u001b'));
});

test('colours and hyperlinks change no text; the first word has the colour of the status, a rule leads to its words', () => {
  const one = checked({ findings: [full], unjudged: [] });
  const layout = { width: 80, colours: true, rulesPage: 'file://host/rules.md' };
  const text = renderCheck(one, itemsOf(one), layout);
  assert.ok(text.startsWith('\u001b[1m\u001b[31mCRITICAL:'), JSON.stringify(text.slice(0, 40)));
  assert.ok(text.includes('\u001b]8;;file://host/rules.md#reader-stalled\u001b\\reader-stalled\u001b]8;;\u001b\\'));
  assert.equal(stripVTControlCharacters(text), renderCheck(one, itemsOf(one), { width: 80, colours: false }));
  const ok = checked(NOTHING);
  assert.ok(renderCheck(ok, itemsOf(ok), layout).startsWith('\u001b[1m\u001b[32mOK:'));
  assert.ok(!renderCheck(one, itemsOf(one), { width: 80, colours: true }).includes('\u001b]8'));
});
