// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unpackFixture } from '../../test/snapshots/fixture.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { madeUpFinding } from '../../test/snapshots/made-up-finding.ts';
import type { Finding, Remedy } from '../diagnosis/finding.ts';
import { judge } from '../diagnosis/judge.ts';
import { statusOf } from '../diagnosis/status.ts';
import { windowOf } from '../diagnosis/window.ts';
import type { Identity } from '../snapshot/owner.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { statusLine, unknownLine } from './first-line.ts';
import { perfdataOf } from './perfdata.ts';
import type { Judged } from './verdict.ts';

const [device = assert.fail()] = goldenSnapshot.devices;
const [queue = assert.fail()] = device.queues;
const RESUME: Remedy = {
  command: 'kill -CONT 7927',
  effect: 'Resumes it.',
  lossless: true,
  restart: false,
  by: 'host',
};
const stopped = madeUpFinding({
  rule: 'reader-stalled',
  severity: 'critical',
  netns: device.netns,
  device: 'vnet1',
  queue: 0,
  cause: 'vnet1 lost 19 940 of 19 940 packets: its reader, qemu-system-x86 (pid 7927), is stopped by a signal.',
  brief: 'loses all packets, 1 994/s: its reader qemu-system-x86 (7927) is stopped',
  remedies: [RESUME],
  explains: 19_940,
});
const other = (name: string, more: Partial<Finding> = {}): Finding => ({ ...stopped, device: name, ...more });

/** vnet1 of this VM on a host with the other devices. */
function snapshotOf(vm: string, name = 'vnet1'): Snapshot {
  const { owner = assert.fail() } = queue;
  const { identity = assert.fail() } = owner;
  const mine: Identity = { ...identity, vm };
  const vnet = { ...device, name, queues: [{ ...queue, index: 0, owner: { ...owner, identity: mine } }] };
  return { ...goldenSnapshot, devices: [vnet, ...goldenSnapshot.devices] };
}

function judged(findings: readonly Finding[], more: Partial<Judged> = {}): Judged {
  const verdict = { findings, unjudged: [] };
  const last = more.last ?? snapshotOf('web1');
  return {
    status: statusOf(verdict),
    verdict,
    inconclusive: [],
    devices: last.devices,
    last,
    seconds: 10,
    isRenamed: false,
    host: { kernel: '6.12', version: '1' },
    ...more,
  };
}

test('severity, device and VM, what and how much, why, what to type, how many more', () => {
  const others = [other('vnet2'), other('vnet3'), other('vnet4', { severity: 'info' })];
  assert.equal(
    statusLine(judged([stopped, ...others])),
    'CRITICAL: vnet1 (VM web1) loses all packets, 1 994/s: its reader qemu-system-x86 (7927) is stopped. Type: kill -CONT 7927. 2 more devices lose packets.',
  );
});

test('only problems are counted: devices first, then what else is wrong with the same one', () => {
  const more = (...findings: readonly Finding[]): string =>
    /7927\.(?: Type: kill -CONT 7927\.)?(.*)$/.exec(statusLine(judged([stopped, ...findings])))?.[1] ?? '';
  assert.equal(more(), '');
  assert.equal(more({ ...stopped, severity: 'info', rule: 'no-reader' }), '');
  assert.equal(more({ ...stopped, queue: 1 }), '');
  assert.equal(more({ ...stopped, rule: 'send-limit' }), ' It has 1 more problem.');
  assert.equal(more(other('vnet2')), ' 1 more device loses packets.');
  assert.equal(more(other('vnet2', { explains: 0 })), ' 1 more device has a problem.');
  assert.equal(more(other('vnet2'), other('vnet2', { queue: 1 })), ' 1 more device loses packets.');
});

test('at most 160 characters, however long its parts are, and no word is cut', () => {
  const vm = 'virt-launcher-production-frontend-with-a-long-name-x7k2p';
  const long = {
    ...stopped,
    queue: undefined,
    brief: `${stopped.brief} by a debugger that somebody has attached to it`,
  };
  const others = Array.from({ length: 12 }, (_, index) => other(`vnet1${index}`));
  const line = statusLine(judged([long, ...others], { last: snapshotOf(vm) }));
  assert.ok([...line].length <= 160, `${line.length}: ${line}`);
  assert.equal(
    line,
    'CRITICAL: vnet1 (VM virt-l…x7k2p) loses all packets, 1 994/s: its reader is stopped by a debugger that somebody has… Type: tapscope diagnose vnet1. 12 more.',
  );
  assert.equal(
    statusLine(judged([stopped, ...others], { last: snapshotOf(vm) })),
    'CRITICAL: vnet1 (VM virt-launche…-name-x7k2p) loses all packets, 1 994/s: its reader qemu-system-x86 (7927) is stopped. Type: kill -CONT 7927. 12 more.',
  );
  const one = statusLine(judged([{ ...stopped, device: undefined, cause: 'x'.repeat(400) }]));
  assert.ok(one.length <= 160 && one.includes('… Type: tapscope doctor.'), one);
});

test('only a command that costs nothing is named; a | would end the line for Nagios', () => {
  const typed = (remedy: Partial<Remedy>): string =>
    /Type: (.*)\.$/.exec(statusLine(judged([{ ...stopped, remedies: [{ ...RESUME, ...remedy }] }])))?.[1] ?? '';
  assert.equal(typed({}), 'kill -CONT 7927');
  const costly: readonly Partial<Remedy>[] = [
    { lossless: false },
    { restart: true },
    { by: 'guest' },
    { command: undefined },
    { command: 'seq 3 | paste' },
    { command: 'a\nb' },
    { command: `echo ${'long '.repeat(30)}` },
  ];
  for (const one of costly) assert.equal(typed(one), 'tapscope diagnose vnet1', JSON.stringify(one));
  const namesake = { ...goldenSnapshot, devices: [device, { ...device, id: '999', netns: 1 }] };
  const line = statusLine(judged([{ ...stopped, device: device.name, remedies: [] }], { last: namesake }));
  assert.match(line, /Type: tapscope diagnose \S+ --netns \S+\.$/);
});

test('of a loss that may be meant OK is not all: which device, how much, why', () => {
  const meant: Finding = {
    ...stopped,
    rule: 'host-refuses',
    severity: 'info',
    queue: undefined,
    brief: 'loses 12 % of what it sends, 90/s: the firewall drops them, rule 7 of chain forward, table inet filter',
    remedies: [],
    explains: 900,
  };
  const last = snapshotOf('web1');
  assert.equal(
    statusLine(judged([meant], { last })),
    'OK: 5 devices, 6 queues, no fault; vnet1 (VM web1) loses 12 % of what it sends, 90/s: the firewall drops them, rule 7 of chain… Type: tapscope diagnose vnet1.',
  );
  const others = [other('vnet2', { severity: 'info', explains: 5, brief: 'loses 1 % of its packets, 5/s' }), meant];
  assert.match(statusLine(judged(others, { last })), /^OK: 5 devices, 6 queues, no fault; vnet1 .* 1 more\.$/);
  // No loss, or another device's fault: as ever.
  assert.match(statusLine(judged([{ ...meant, explains: 0 }], { last })), /^OK: .* nothing to do$/);
  assert.match(statusLine(judged([stopped, meant], { last })), /^CRITICAL: .* Type: kill -CONT 7927\.$/);
});

test('what is over says when it was, and who is silent is said', () => {
  const last = snapshotOf('web1');
  const past = { ...stopped, seen: last.takenAt - 21 };
  assert.match(statusLine(judged([past])), /is stopped\. Last seen 21 s ago\. Type: /);
  const silence = 'the agent (pid 7) is stopped by a signal (state T), last ran at least 71 s ago: kill -CONT 7';
  const silent = judged([], { status: 'unknown', agentSilence: silence });
  assert.equal(statusLine(silent), `UNKNOWN: ${silence}.`);
  assert.match(statusLine(judged([stopped], { agentSilence: silence })), / The agent is silent\.$/);
});

test('nothing found: OK with the size, or UNKNOWN with the reason', () => {
  assert.equal(statusLine(judged([], { last: goldenSnapshot })), 'OK: 4 devices, 5 queues, nothing to do');
  const hidden = { ...goldenSnapshot, devices: [], agent: { ...goldenSnapshot.agent, hiddenDevices: 2 } };
  assert.match(
    statusLine(judged([], { last: hidden })),
    /^OK: 0 devices, 0 queues \(the device filter .* hides 2 devices\)/,
  );
  assert.match(
    statusLine(
      judged([], { last: goldenSnapshot, status: 'unknown', inconclusive: ['tap0 lost 3 packets too few to judge'] }),
    ),
    /^UNKNOWN: 4 devices, 5 queues, nothing found, but tap0 lost 3 packets too few to judge$/,
  );
  assert.ok(unknownLine('word '.repeat(99)).length <= 160);
});

const FIXTURES = 'src/diagnosis/fixtures';

test('of every fault that was recorded on a real kernel the line has the rule’s own cause, whole', () => {
  let faults = 0;
  for (const file of readdirSync(FIXTURES).filter((name) => name.endsWith('.json.gz'))) {
    const { snapshots, asked } = unpackFixture(readFileSync(join(FIXTURES, file)));
    const window = windowOf(snapshots);
    const device = window.devices.find(({ now }) => now.name === asked);
    const { findings } = judge(window, device);
    const last = snapshots.at(-1) ?? assert.fail(file);
    const line = statusLine(judged(findings, { last }));
    assert.ok([...line].length <= 160, line);
    const worst = findings.find(({ severity }) => severity !== 'info');
    if (!worst) continue;
    faults += 1;
    assert.ok(line.includes(visible(worst.brief ?? worst.cause)), `${file}\n${line}\n${worst.brief ?? worst.cause}`);
    assert.match(line, / Type: /);
  }
  assert.ok(faults >= 30, `${faults}`);
});

/** The grammar of the plugin API: 'label'=value[UOM];[warn];[crit];[min];[max]. */
const PERFDATA = /^(?:[\w']+=-?\d+(?:\.\d+)?(?:[smu]?s|%|[KMGT]?B|c)?(?:;[^ ;]*){0,4}(?: |$))+$/;

test('performance data is what Nagios and Icinga parse', () => {
  const data = perfdataOf(judged([stopped]), snapshotOf('web1').takenAt + 0.9);
  assert.match(data, PERFDATA);
  assert.match(
    data,
    /^problems=1;;;0 devices=5;;;0 queues=6;;;0 full_queues=\d+;;;0;6 lost=\d+c;;;0 sent=\d+c;;;0 age=0\.9s;;;0$/,
  );
});

test('the cause is said where the namespace of a device has a long name: the reader’s name and the number of devices make room', () => {
  const starved: Finding = {
    ...stopped,
    brief: 'loses 90 % of its packets, 7 201/s: its reader qemu-system-x86 (7927) gets no CPU',
    remedies: [],
  };
  const { agent, devices, ...rest } = snapshotOf('', 'vnet1');
  const [first = assert.fail()] = devices;
  const last: Snapshot = {
    ...{ ...rest, devices: [...devices, { ...first, netns: 7 }] },
    agent: { ...agent, namespaceNames: new Map([[first.netns, 'qrouter-9b1c4a34-4d3c-4a0f-9f3b-2f6f0c1b7a11']]) },
  };
  const line = statusLine(
    judged([starved, other('vnet2')], { last, late: 'judged 9 s ago: the agent gets no CPU (load 41)' }),
  );
  assert.match(line, /: its reader gets no CPU\. Type: tapscope diagnose vnet1 --netns \d+\..* Judged 9 s ago\.$/);
  assert.ok(line.length <= 160, line);
});
