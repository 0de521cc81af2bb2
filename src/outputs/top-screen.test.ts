// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'fast-string-width';
import { snapshotAt } from '../../test/snapshots/quiet-host.ts';
import type { Finding } from '../diagnosis/finding.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { COLUMNS, columnsIn } from './top-columns.ts';
import type { TopView } from './top-list.ts';
import { makeRows } from './top-rows.ts';
import { renderTop, type TopTerminal } from './top-screen.ts';

const calm: QueueRate = {
  device: 'tap2',
  netns: 4026531840,
  namespace: 'blue',
  queue: 0,
  offered: 12_345,
  dropped: 0,
  written: 9.96,
  lostBefore: 0,
  ring: { capacity: 1000, occupancy: 3, lag: 0, highwater: 3 },
  stopped: undefined,
  sojourn: undefined,
  reader: { name: 'openvpn', thread: 312 },
  state: undefined,
  owner: { pid: 312, comm: 'openvpn', startedAt: undefined, identity: undefined },
};
const lossy: QueueRate = {
  ...calm,
  device: 'tap10',
  queue: 1,
  offered: 1_234_567,
  dropped: 999.6,
  ring: { capacity: 500, occupancy: 500, lag: 0, highwater: 500 },
  stopped: 0.5,
  sojourn: 0.00105,
  state: 'waiting',
};
const gone: QueueRate = {
  ...calm,
  device: 'tap1',
  queue: undefined,
  ring: undefined,
  reader: undefined,
  offered: 0,
  written: 0,
  owner: undefined,
};
const RATES = [calm, lossy, gone];
const VIEW: TopView = { sort: 'u', isReversed: false, filter: '', showsIdle: false, selected: undefined };
const FINDING: Finding = {
  ...{ rule: 'reader-starved', severity: 'critical', netns: calm.netns, device: 'tap10', queue: 1 },
  cause: 'openvpn, which reads tap10, gets no CPU.',
  evidence: ['999 of 1000 packets lost'],
  remedies: [
    {
      command: `chrt --fifo -p 1 312; echo ${'x'.repeat(100)}`,
      effect: 'Lets it run first.',
      ...{ lossless: true, restart: false, by: 'host' },
    },
  ],
  ...{ rejected: [], confidence: 'high', degraded: [] },
};

interface Shown {
  readonly view?: Partial<TopView>;
  readonly rates?: readonly QueueRate[];
  readonly findings?: readonly Finding[];
  readonly colours?: boolean;
  readonly terminal?: Partial<TopTerminal>;
  readonly late?: string;
}

function picture(
  width: number,
  { view = {}, rates = RATES, findings = [], colours = false, terminal, late }: Shown = {},
): readonly string[] {
  const seen = {
    takenAt: 1_795_000_000,
    rows: makeRows(rates, findings),
    snapshot: snapshotAt(1, [], {}),
    late,
    cost: 'This costs nothing',
  };
  const screen = terminal && { height: 24, page: 'list' as const, scrolled: 0, typing: false, ...terminal };
  return renderTop(seen, { ...VIEW, ...view }, { width, colours }, screen).split('\n');
}
const devices = (rows: readonly string[]): readonly string[] =>
  rows.flatMap((row) => /^[> ]?.? *(tap[\w/]+)/.exec(row)?.[1] ?? []);
const queues = (count: number, rate: QueueRate): readonly QueueRate[] =>
  Array.from({ length: count }, (_, index) => ({ ...rate, device: `tap${index}`, queue: 0 }));

test('a list has every column, problems first', () => {
  const shown = picture(Number.POSITIVE_INFINITY, { findings: [FINDING] }).map((row) => row.replace(/ +/g, ' '));
  assert.deepEqual(shown, [
    '3 queues, 1 losing packets: 1.00k/s of 1.25M/s, 11:06:40 UTC',
    'DEVICE STATUS* LOST/s OFFERED/s FROM GUEST/s RING STOPPED DELAY p99 LOST BEFORE/s STATE OWNER',
    'tap10/1 critical 1.00k 1.23M 10.0 ████████ 500/500 50% 1.1ms 0 no CPU openvpn (pid 312) in blue',
    'tap2/0 ok 0 12.3k 10.0 █······· 3/1000 – – 0 – openvpn (pid 312) in blue',
    'tap1 idle 0 0 0 – – – 0 – – in blue',
    '* rows are in the order of STATUS',
    'This costs nothing',
  ]);
});

test('a star is explained below the table, and in the help of a terminal; without a star nothing is', () => {
  const below = (view: Partial<TopView>, width = 200): string => picture(width, { view }).slice(-2).join('|');
  assert.equal(
    below({ sort: 'd', isReversed: true }),
    '* rows are in the order of LOST/s, reversed|This costs nothing',
  );
  // At 60 columns that column is hidden.
  assert.doesNotMatch(picture(60, { view: { sort: 'p' } }).join('|'), /\*/);
  assert.match(picture(100, { terminal: { page: 'help', height: 90 } }).join('\n'), /\* stands behind the column/);
});

test('of a reader that takes nothing what is lost is what was offered', () => {
  const [stalled] = [{ ...lossy, offered: 1994, dropped: 1994 }];
  const [, titles = '', row = ''] = picture(200, { rates: [stalled] });
  const under = (title: string): string =>
    row
      .slice(0, titles.indexOf(title) + title.length)
      .split(' ')
      .at(-1) ?? '';
  assert.deepEqual([under('LOST/s'), under('OFFERED/s')], ['1.99k', '1.99k'], `${titles}\n${row}`);
});

test('every column can be sorted by, up and down; no key means two things', () => {
  const by = (sort: string, isReversed = false): readonly string[] =>
    devices(picture(200, { view: { sort, isReversed } }));
  assert.deepEqual(by('n'), ['tap1', 'tap2/0', 'tap10/1']);
  assert.deepEqual(by('n', true), ['tap10/1', 'tap2/0', 'tap1']);
  assert.deepEqual(by('u', true), ['tap1', 'tap2/0', 'tap10/1']);
  for (const sort of ['d', 't', 'r'])
    assert.deepEqual(by(sort), ['tap10/1', ...(sort === 'd' ? ['tap1', 'tap2/0'] : ['tap2/0', 'tap1'])]);
  assert.deepEqual(by('e'), ['tap10/1', 'tap1', 'tap2/0']);
  const others = ['q', 'R', '/', '?', 'h', 'a'];
  assert.equal(new Set([...COLUMNS.map(({ key }) => key), ...others]).size, COLUMNS.length + others.length);
});

test('what a rule found comes before what only loses, that before the others, idle queues last and folded', () => {
  const idle = queues(5, gone);
  const busy = [calm, { ...lossy, device: 'tap20' }, lossy, { ...calm, device: 'tap3', lostBefore: 5 }];
  const shown = picture(80, { rates: [...idle, ...busy], findings: [FINDING], terminal: {} });
  assert.deepEqual(devices(shown), ['tap10/1', 'tap20/1', 'tap3/0', 'tap2/0']);
  assert.match(shown.join('\n'), /\n {3}5 idle queues: a shows them\n/);
  assert.equal(devices(picture(80, { rates: [...idle, ...busy], view: { showsIdle: true }, terminal: {} })).length, 9);
  assert.deepEqual(devices(picture(80, { rates: idle, view: { filter: 'tap4' }, terminal: {} })), ['tap4/0']);
  assert.deepEqual(devices(picture(80, { rates: [gone], terminal: {} })), ['tap1']);
});

test('the filter looks at names, states and owners', () => {
  assert.deepEqual(devices(picture(200, { view: { filter: 'OPENVPN' } })), ['tap10/1', 'tap2/0']);
  assert.deepEqual(devices(picture(200, { view: { filter: 'no cpu' } })), ['tap10/1']);
  assert.match(picture(80, { rates: [calm] }).join('\n'), /^1 queue, 0 losing packets: /);
  assert.match(picture(200, { view: { filter: 'none' } }).join('\n'), /^0 of 3 queues.*\n.*\nfilter: none\n/);
});

test('a picture is never wider or higher than its terminal, and shows names, faults and losses at 20 columns', () => {
  const rates = queues(300, lossy);
  const findings = [{ ...FINDING, device: 'tap7', queue: 0 }];
  for (const page of ['list', 'help', 'detail'] as const)
    for (const width of [20, 33, 80, 132, 250])
      for (const height of [5, 10, 24, 60]) {
        const rows = picture(width, { rates, findings, terminal: { height, page } });
        assert.equal(rows.length, height, `${page} at ${width} x ${height}`);
        assert.deepEqual(
          rows.filter((row) => stringWidth(row) > width),
          [],
        );
      }
  assert.match(picture(20, { rates, findings, terminal: {} }).join('\n'), /\n>× tap7\/0 +1\.00k\n ! tap0\/0 +1\.00k\n/);
  const titles = (width: number): string =>
    columnsIn(width)
      .map(({ title }) => title)
      .join(' ');
  assert.equal(titles(77), 'DEVICE STATUS LOST/s OFFER/s RING READER, OWNER');
  assert.equal(titles(117), 'DEVICE STATUS LOST/s OFFERED/s FROM/s RING STOPPED STATE READER, OWNER');
});

const VM: QueueRate = {
  ...lossy,
  reader: { name: 'vhost-4242', thread: 4250 },
  owner: {
    ...{ pid: 4242, comm: 'qemu-system-x86', startedAt: undefined },
    identity: { program: 'qemu', vm: 'web1', uuid: '', runtime: '', container: '', pod: '', unit: '' },
  },
};

test('at 80 columns who reads and whose it is come before what the guest sends, and a program that is both is named once', () => {
  const [, titles = '', first = '', second = ''] = picture(80, { rates: [VM, calm], terminal: {} });
  assert.match(titles, /^ +DEVICE +STATUS\* +LOST\/s +OFFER\/s +FROM\/s RING +READER, OWNER *$/);
  assert.match(first, / 500\/500 +VM web1: vhost-4242 4250/);
  assert.match(second, / 3\/1000 +openvpn 312 in blue$/);
  const wide = picture(200, { rates: [VM, calm], terminal: {} });
  assert.match(wide[1] ?? '', / READER +OWNER *$/);
  assert.match(wide[2] ?? '', / vhost-4242 4250 +VM web1 \(qemu, pid 4242\) in blue$/);
});

test('the first line says how old the figures are where they are late', () => {
  const [head = ''] = picture(200, { late: 'judged 9 s ago: the agent gets no CPU (load 41)' });
  assert.equal(
    head,
    '3 queues, 1 losing packets: 1.00k/s of 1.25M/s, 11:06:40 UTC, judged 9 s ago: the agent gets no CPU (load 41)',
  );
});

test('what is lost is a share of what was counted alike: queues that are not told apart, by their device', () => {
  const lean = { ...lossy, offered: undefined, dropped: 600 };
  const rates = [
    { ...lean, deviceOffered: 1500 },
    { ...lean, queue: 2 },
  ];
  assert.match(picture(200, { rates })[0] ?? '', / 2 losing packets: 1\.20k\/s of 1\.50k\/s,/);
  assert.match(picture(200, { rates: [lean] })[0] ?? '', / 1 losing packets: 600\/s, /);
  const orphan = { ...gone, offered: 815, dropped: undefined, lostBefore: 799 };
  assert.match(picture(200, { rates: [orphan] })[0] ?? '', / 1 losing packets: 799\/s of 815\/s,/);
});

test('letters that take two columns: the others stay under each other, and no row is wider than the terminal', () => {
  const rates = ['tap0', '東京の仮想機械一号機', '🦀🦀👩‍💻', 'é'].map(
    (device): QueueRate => ({ ...lossy, device, queue: 0 }),
  );
  for (const width of [20, 33, 80, 250]) {
    const rows = picture(width, { rates, terminal: {} });
    assert.deepEqual(
      rows.filter((row) => stringWidth(row) > width),
      [],
    );
    const drops = rows.slice(2).filter((row) => row.includes('1.00k'));
    const places = new Set(drops.map((row) => stringWidth(row.split('1.00k')[0] ?? '')));
    assert.deepEqual([drops.length, places.size], [4, 1]);
  }
});

test('the selected row is on the screen, and Enter shows it', () => {
  const rates = queues(50, lossy);
  const id = (index: number): string => makeRows(rates, [])[index]?.id ?? '';
  for (const index of [0, 25, 49]) {
    const rows = picture(80, { rates, view: { selected: id(index) }, terminal: {} });
    assert.equal(
      rows.filter((row) => row.startsWith('>')).join(),
      rows.find((row) => row.includes(`tap${index}/0 `)),
    );
  }
  assert.equal(devices(picture(80, { rates, view: { selected: id(49) }, terminal: {} })).at(-1), 'tap49/0');
});

test('the detail has figures, what was found and what to type, never cut', () => {
  const shown = picture(80, { findings: [FINDING], terminal: { page: 'detail', height: 40 } }).join('\n');
  assert.match(shown, /^tap10\/1 of openvpn \(pid 312\) in namespace blue: critical\n/);
  assert.match(shown, /\nTo the reader +1\.23M packets\/s offered, 1\.00k packets\/s lost \(0\.081 %\)\n/);
  assert.match(shown, /mostly waiting for a CPU\n/);
  assert.match(shown, /\nCRITICAL: openvpn, which reads tap10, gets no CPU\.\n/);
  assert.match(shown, /\nDo: chrt --fifo -p 1 312; echo\nx{80}\nx{20}\n/);
  assert.match(shown, /To watch longer: tapscope diagnose tap10 --netns blue\n/);
  const calmOne = picture(80, { rates: [calm], terminal: { page: 'detail', height: 40 } }).join('\n');
  assert.match(calmOne, /No rule found anything in the last 10 s\./);
});

test('help names every key and column', () => {
  const shown = picture(200, { terminal: { page: 'help', height: 60 } }).join('\n');
  for (const { key, title, inFull = title, meaning } of COLUMNS)
    assert.ok(shown.includes(`${key} ${inFull}`) && shown.includes(meaning.slice(0, 60)));
  for (const words of ['Enter', '↑ ↓', 'filter', 'idle', 'reverse', 'quit']) assert.ok(shown.includes(words), words);
});

test('only the figure and the state of a row have a colour; the text is the same without', () => {
  const painted = picture(200, { findings: [FINDING], colours: true, terminal: {} });
  const row = painted.find((one) => one.includes('tap10/1')) ?? '';
  const shown = row.replaceAll('\u001b', '~');
  assert.match(shown, /~\[1m~\[31mcritical~/);
  assert.match(shown, /~\[31m1\.00k~/);
  assert.match(shown, / 1\.23M +10\.0 ████████ 500\/500 +50% +1\.1ms +0 no CPU +openvpn \(pid 312\)/);
  assert.deepEqual(painted.map(stripVTControlCharacters), picture(200, { findings: [FINDING], terminal: {} }));
});

test('names cannot write to the terminal', () => {
  const owner = { pid: 1, comm: '\u0007', startedAt: undefined, identity: undefined };
  const rates = [{ ...lossy, device: '\u001b[2J\u202e', namespace: '\u001b[2J', owner }];
  for (const page of ['list', 'detail'] as const)
    assert.equal(/[\p{Cc}\p{Cf}]/u.test(picture(200, { rates, terminal: { page } }).join('')), false);
});

test('a column in which no row has a figure, and words of titles, give their place to the owner', () => {
  const identity = { program: 'qemu', vm: 'web1', uuid: '', runtime: '', container: '', pod: '', unit: '' };
  const rate: QueueRate = {
    ...lossy,
    ...{ device: 'vnet0', queue: 0, namespace: 'tenants', stopped: undefined, sojourn: undefined },
    reader: { name: 'qemu-system-x86', thread: 20_334 },
    owner: { pid: 20_334, comm: 'qemu-system-x86', startedAt: undefined, identity },
  };
  const owner = 'VM web1: qemu-system-x86 20334 in tenants';
  const [, titles = '', row = ''] = picture(120, { rates: [rate] });
  assert.doesNotMatch(titles, /STOP|DELAY|OFFERED|FROM GUEST/);
  assert.ok(row.endsWith(owner), row);
  const [, measured = '', cut = ''] = picture(120, { rates: [{ ...rate, stopped: 0.5, sojourn: 0.001 }] });
  assert.match(measured, /STOP .*DELAY/);
  assert.ok(cut.endsWith('…'), cut);
});

test('a list that is no terminal’s cuts no name of a thread, and no number', () => {
  const reader = { name: 'qemu-system-x86', thread: 4_194_304 };
  const [, , row = ''] = picture(Number.POSITIVE_INFINITY, { rates: [{ ...lossy, reader }] });
  assert.match(row, / qemu-system-x86 4194304 /);
});
