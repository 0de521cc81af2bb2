// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Finding } from '../diagnosis/finding.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import type { Ledger, LedgerRow } from '../diagnosis/ledger.ts';
import { statusOf } from '../diagnosis/status.ts';
import { type Judged, renderVerdict } from './verdict.ts';

/** A finding that has everything, and two ways to help: no finding is longer. */
const starved: Finding = {
  rule: 'reader-starved',
  severity: 'critical',
  netns: 4026532285,
  device: 'tap0',
  queue: 0,
  cause:
    'The reader of tap0 queue 0 wants to run and gets no CPU while its ring is full: 15.5 % of the packets are lost.',
  evidence: [
    '12 411 of 80 112 packets were dropped because the ring (500) was full',
    'while it was full, vhost-4711 (thread 4713) waited for a CPU for 6.1 s of 7.4 s',
    'its cgroup machine-qemu\\x2d1\\x2dweb1.scope was throttled for 5.9 s of 10 s',
    'it runs on CPU 3, which 4 other threads want',
  ],
  remedies: [
    {
      command: "systemctl set-property --runtime 'machine-qemu\\x2d1\\x2dweb1.scope' CPUQuota=400%",
      effect: 'Gives the VM and its vhost threads more CPU time.',
      lossless: true,
      restart: false,
      by: 'host',
    },
    {
      command: 'taskset --pid --cpu-list 0-7 4713',
      effect: 'Lets the thread run on other CPUs.',
      lossless: true,
      restart: false,
      by: 'host',
    },
  ],
  rejected: [
    { rule: 'reader-cpu-bound', because: 'it ran only 14 % of the time in which the ring was full' },
    { rule: 'reader-stalled', because: 'it took 67 701 packets' },
    { rule: 'ring-full-burst', because: 'the ring was full 74 % of the time' },
  ],
  confidence: 'high',
  degraded: [],
};
const OK: Verdict = { findings: [], unjudged: [] };
const UNJUDGED = [
  { rule: 'queue-hot', because: 'packets offered to queues are not watched' },
  { rule: 'queue-dead', because: 'packets offered to queues are not watched' },
];

function render(verdict: Verdict, width = 80, colours = false, isRenamed = false, agentSilence?: string): string {
  return renderVerdict(
    {
      status: statusOf(verdict, agentSilence === undefined ? [] : [agentSilence]),
      agentSilence,
      verdict,
      devices: goldenSnapshot.devices.slice(0, 2),
      last: goldenSnapshot,
      seconds: 10.02,
      isRenamed,
      inconclusive: [],
      host: { kernel: '6.12.48', version: '0.1.0' },
    },
    { width, colours },
  );
}

test('one finding fits a terminal of 24 rows of 80 columns, the status first, the command alone on its line', () => {
  const rows = render({ findings: [starved], unjudged: [] })
    .trimEnd()
    .split('\n');
  assert.equal(rows[0], 'CRITICAL: The reader of tap0 queue 0 wants to run and gets no CPU while its ring');
  assert.ok(rows.length <= 23, `${rows.length} rows`);
  const [first, second] = starved.remedies.map(({ command = '' }) => command);
  assert.ok(rows.includes(`Do:    ${first}`) && rows.includes(`Or:    ${second}`), rows.join('\n'));
  assert.equal(
    rows[rows.indexOf(`Or:    ${second}`) + 1],
    '       Lets the thread run on other CPUs. [host, no packet lost, no restart]',
  );
  assert.deepEqual(
    rows.filter((row) => row.length > 80 && row !== `Do:    ${first}`),
    [],
  );
});

test('of a finding nothing is left out: whose it is, evidence, price of a remedy, rivals, confidence', () => {
  const said = render({
    findings: [{ ...starved, degraded: ['packets bypassed the probes'] }],
    unjudged: UNJUDGED,
  }).replace(/\s+/g, ' ');
  for (const words of [
    'reader-starved, tap0 queue 0 of VM web "1" (qemu, pid 4711) in namespace blue\\x0ateam, confidence high',
    'Seen: 12 411 of 80 112 packets',
    'which 4 other threads want',
    'Gives the VM and its vhost threads more CPU time. [host, no packet lost, no restart]',
    'Not: reader-cpu-bound: it ran only 14 %',
    'ring-full-burst: the ring was full 74 % of the time',
    'Figures are not exact: packets bypassed the probes',
    'Not judged: queue-hot, queue-dead: packets offered to queues are not watched',
    'Watched for 10 s until 2026-11-18 11:06:40 UTC, Linux 6.12.48, tapscope 0.1.0.',
    "'tapscope explain reader-starved' tells more.",
  ])
    assert.ok(said.includes(words), `${words}\nis not in\n${said}`);
});

test('beside an agent that is silent the first words say so', () => {
  const silence = 'the agent (pid 7) is stopped by a signal (state T): kill -CONT 7';
  const said = (verdict: Verdict): string => render(verdict, 300, false, false, silence).split('\n')[0] ?? '';
  assert.equal(said(OK), `UNKNOWN: 3 queues of 2 devices watched for 10 s without finding a fault, but ${silence}.`);
  assert.equal(said({ findings: [starved], unjudged: [] }), `CRITICAL: ${silence}. So this command looked itself.`);
});

test('the status is OK only where everything was judged, by exact figures', () => {
  const info: Finding = { ...starved, severity: 'info' };
  const warning: Finding = { ...starved, severity: 'warning' };
  const degraded = { ...info, degraded: ['rows ran out'] };
  for (const [verdict, status, first] of [
    [OK, 'ok', /^OK: 3 queues of 2 devices watched for 10 s, nothing to do\.\n/],
    [{ ...OK, findings: [info] }, 'ok', /^OK: .*nothing to do; 1 thing to know\nbelow\.\n\nINFO: The reader/],
    [{ ...OK, unjudged: UNJUDGED }, 'unknown', /^UNKNOWN: .*without finding a fault, but 2\nrules could not judge\.\n/],
    [{ ...OK, findings: [degraded] }, 'unknown', /^UNKNOWN: .* but\nfigures are not exact; 1 thing to know below\.\n/],
    [{ findings: [warning], unjudged: UNJUDGED }, 'warning', /^WARNING: The reader/],
    [{ findings: [starved, { ...warning, degraded: ['x'] }], unjudged: UNJUDGED }, 'critical', /^CRITICAL: The/],
  ] as const) {
    assert.equal(statusOf(verdict), status);
    assert.match(render(verdict), first);
  }
});

test('at 20 columns every row but a command fits, and no word is lost', () => {
  const narrow = render({ findings: [starved], unjudged: UNJUDGED }, 20)
    .trimEnd()
    .split('\n');
  const commands = starved.remedies.map(({ command }) => command);
  assert.deepEqual(
    narrow.filter((row) => row.length > 20 && !commands.includes(row)),
    [],
  );
  const letters = (text: string): string => text.replace(/\s+/g, '');
  assert.equal(letters(narrow.join('')), letters(render({ findings: [starved], unjudged: UNJUDGED })));
});

test('of a recording with pseudonyms it is said that they cannot be typed', () => {
  const verdict = { findings: [starved], unjudged: [] };
  const said = render(verdict, 80, false, true).replace(/\s+/g, ' ');
  assert.match(said, /Names of VMs, .* are replaced in this recording: type those of its host instead\. Watched/);
  assert.ok(!render(verdict).includes('replaced'));
});

test('colours say the same', () => {
  const verdict = { findings: [starved], unjudged: UNJUDGED };
  const coloured = render(verdict, 80, true);
  assert.notEqual(coloured, render(verdict));
  assert.equal(stripVTControlCharacters(coloured), render(verdict));
});

test('the name of a device or program cannot write to the terminal', () => {
  const evil = '\u001b[2J\u202e<b>\r\n';
  const finding: Finding = {
    ...starved,
    device: evil,
    cause: `${evil} is full.`,
    evidence: [evil],
    remedies: [{ ...(starved.remedies[0] ?? assert.fail()), command: `ip link set dev ${evil} up`, effect: evil }],
    rejected: [{ rule: 'queue-hot', because: evil }],
    degraded: [evil],
  };
  const said = render({ findings: [finding], unjudged: [{ rule: 'queue-dead', because: evil }] });
  assert.deepEqual(said.match(/[\p{Cc}\p{Cf}]/gu)?.filter((one) => one !== '\n') ?? [], []);
  assert.ok(said.includes('\u{fffd}[2J\u{fffd}<b>\u{fffd}\u{fffd} is full.'));
});

const EMPTY = { total: 0, rows: [], unaccounted: 0 };
const LOST_IN_IT = { fate: 'lost in it: FULL_RING', packets: 48, isLost: true } as const;

test('about one device a ledger is shown, or why none is', () => {
  const tail = (verdict: Verdict, more: Partial<Judged>): string => {
    const judged: Judged = {
      ...{ status: statusOf(verdict), verdict, inconclusive: [], isRenamed: false, seconds: 10 },
      ...{ devices: goldenSnapshot.devices.slice(0, 1), last: goldenSnapshot, host: { kernel: '6.12', version: '1' } },
      ...more,
    };
    return renderVerdict(judged, { width: 400, colours: false });
  };
  const fault: Verdict = { findings: [starved], unjudged: [] };
  const ledger = (rows: readonly LedgerRow[]): Ledger => ({ to: { ...EMPTY, rows }, from: EMPTY, refused: [] });
  assert.match(tail(OK, { ledger: ledger([LOST_IN_IT]) }), /\nTo it: 0 packets\n +48 lost in it: FULL_RING\n/);
  // One cause, which is the finding's own: a screen has room for what is new.
  const told = tail(fault, { ledger: ledger([LOST_IN_IT]) });
  assert.doesNotMatch(told, /To it:/);
  assert.match(told, /tapscope 1\. Nothing else was lost: --json has its ledger\. /);
  const two = tail(fault, { ledger: ledger([LOST_IN_IT, { ...LOST_IN_IT, fate: 'lost before it: QDISC_DROP' }]) });
  assert.match(two, /\nTo it: 0 packets\n/);
  assert.doesNotMatch(two, /--json has/);
  assert.match(tail(OK, {}), / Its counters were not read: no ledger\.\n$/);
  assert.match(
    tail(OK, { devices: goldenSnapshot.devices.slice(0, 2) }),
    / Of one device alone a ledger is shown\.\n$/,
  );
  assert.match(tail(OK, { devices: goldenSnapshot.devices }), /tapscope 1\.\n$/);
});

test('a device that loses packets on purpose is no fault, and is named in the first line', () => {
  const meant: Finding = { ...starved, rule: 'host-refuses', severity: 'info', explains: 490 };
  assert.match(
    render({ findings: [meant], unjudged: [] }, 200),
    /^OK: .*, no fault; but tap0 loses packets, see below\.\n/,
  );
});

test('what is too much for a screen is counted', () => {
  const many = render({ findings: Array.from({ length: 40 }, (_, queue) => ({ ...starved, queue })), unjudged: [] });
  assert.match(many, /\nAlso: {2}critical reader-starved: tap0 queue 4\n/);
  assert.match(many, /\n {7}critical reader-starved: tap0 queue 14\n {7}and 25 more \(--json\)\n/);
  const evidence = Array.from({ length: 9 }, (_, index) => `figure ${index}`);
  const said = render({ findings: [{ ...starved, evidence }], unjudged: [] });
  assert.match(said, /figure 3\n +and 5 more \(--json\)\n/);
});
