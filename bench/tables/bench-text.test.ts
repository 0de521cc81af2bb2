// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertValid } from '../../test/host/valid-json.ts';
import { differences } from '../against.ts';
import type { BenchReport, CellResult, MessageCell, Run, SendCell, StreamCell } from '../bench-report.ts';
import { savedReport } from '../saved-report.ts';
import { renderAgainst, renderBench, reportJson } from './bench-text.ts';

const run = (transmitted: number, more: Partial<Run> = {}): Run => ({
  ...{ seconds: 2, transmitted, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined, disagreements: [] },
  ...more,
});

function send(flow: SendCell['flow'], runs: readonly Run[], missing: string | null = null): CellResult {
  const cell = {
    kind: 'send',
    id: `tap/${flow}`,
    reader: 'tap',
    flow,
    threads: 1,
    queues: 1,
    pinned: false,
    shape: 'sample01',
  } as const;
  return { cell, missing, runs };
}

function message(zeroCopy: boolean, runs: readonly Run[]): CellResult {
  const cell: MessageCell = { kind: 'message', id: `zero-copy/${zeroCopy}`, zeroCopy, size: 4096 };
  return { cell, missing: null, runs };
}

function pair(runs: readonly Run[]): CellResult {
  return { cell: { kind: 'pair', id: 'guest-to-guest', size: 1490 }, missing: null, runs };
}

const report: BenchReport = {
  ...{ schema: 1, version: '1.2.3', kernel: '7.3', cpus: 4, seconds: 2, repeats: 3, packetSize: 60, ring: 1000 },
  ...{ pinnedTo: 0, agentRuns: false },
  host: {
    cpuModel: 'Some CPU',
    srso: undefined,
    mitigated: [],
    hardenedUsercopy: true,
    defaultQdisc: 'fq_codel',
    tunPaths: [],
  },
  results: [
    send('tail-drop', [run(100_000, { lost: 200 }), run(120_000, { lost: 600 }), run(90_000, { lost: 400 })]),
    send('backpressure', [], 'no flag'),
    send('through-qdisc', [run(50_000, { droppedBefore: 8 })]),
    message(false, [run(2000, { workerSeconds: 0.02 })]),
    message(true, [run(4000, { workerSeconds: 0.02, uncopied: 4000 })]),
    pair([run(6000, { lost: 20, freed: { there: 2000, elsewhere: 3000, deferred: 1000 } })]),
  ],
};

test('text: the answer first, a line a figure, reasons below', () => {
  assert.deepEqual(renderBench(report, 'text').split('\n'), [
    "OK: in all 7 runs the agent's counters equal those of pktgen, tc -s, the readers and the guests.",
    '',
    'Linux 7.3, 4 CPUs, tapscope 1.2.3, whose probes are part of what each packet costs.',
    'Medians of 3 interleaved repeats of 2 s (least–most). Packets of 60 bytes, rings of 1000; pinned: all readers on CPU 0.',
    '',
    'Packets towards the guest or reader',
    'reader  threads  queues  CPU   packets a second    tail-drop               backpressure + fq_codel  through fq_codel',
    'TAP     1        1       free  transmitted         50 000 (45 000–60 000)  [1]                      25 000',
    'TAP     1        1       free  lost                200 (100–300)           [1]                      0',
    'TAP     1        1       free  dropped before tun  –                       –                        4',
    '',
    'Messages a second from the guest, by vhost-net',
    'bytes  copied  zero-copy on  of these uncopied  vhost-net µs a message, copied  zero-copy on',
    '4096   1 000   2 000         2 000              10.0                            5.0',
    '',
    'Packets a second from guest to guest, by vhost-net and a bridge',
    'bytes  received  lost  freed on the CPU that allocated them  given back to it',
    '1490   3 000     10    1 000                                 500',
    '',
    '[1] not on this host: no flag',
    '',
  ]);
});

test('a cell whose numbers differ is marked, and every difference told', () => {
  const wrong = {
    ...report,
    results: [send('tail-drop', [run(10, { disagreements: ['lost: 1 by the agent, 2 by pktgen'] })])],
  };
  const lines = renderBench(wrong, 'markdown').split('\n');
  assert.equal(lines[0], 'WRONG: one number differs; cells with ! are not to be believed.');
  assert.ok(lines.includes('| TAP | 1 | 1 | free | transmitted | 5 ! |'), lines.join('\n'));
  assert.ok(lines.includes('* tap/tail-drop, repeat 1: lost: 1 by the agent, 2 by pktgen'), lines.join('\n'));
});

test('where nothing was measured, that is the answer', () => {
  const none = { ...report, results: [send('backpressure', [], 'no flag')] };
  assert.match(renderBench(none, 'text'), /^NOTHING could be measured on this host\.\n/);
});

test('csv: a line a cell, empty where there is no figure', () => {
  const [header, ...lines] = renderBench(report, 'csv').trimEnd().split('\n');
  assert.equal(header?.split(',').length, 16);
  assert.equal(lines[0], 'tap/tail-drop,3,50000.0,45000.0,60000.0,200.0,100.0,300.0,0.0,0.0,0.0,0.0,0.0,0.0,,');
  assert.equal(lines[1], 'tap/backpressure,0,,,,,,,,,,,,,"no flag",');
});

test('json: the whole report, with its schema', () => {
  assertValid('bench', JSON.parse(renderBench(report, 'json')));
  assert.deepEqual(JSON.parse(renderBench(report, 'json')), JSON.parse(JSON.stringify(report)));
});

test('streams: a line a cell, with what each queue got, and JSON as its schema has it', () => {
  const cell: StreamCell = {
    ...{ kind: 'stream', id: 'stream/both', direction: 'both', size: null, sessions: 2, queues: 2, cpus: 2 },
  };
  const stream = { bitsPerSecond: 940e6, hostCpu: 0.5, queues: [3, 4], ofNoQueue: 1 };
  const guests = { kernel: '6.1', kvm: true, vhost: true, qdisc: 'fq_codel', mitigated: [] };
  const streams = { ...report, guests, results: [{ cell, missing: null, runs: [run(8, { stream })] }] };
  assert.deepEqual(renderBench(streams, 'text').split('\n').slice(5, 8), [
    'TCP streams of guests in QEMU',
    'direction  message  sessions  queues  CPUs  Mbit/s  CPU of the host, %  packets for each queue',
    'both       default  2         2       2     940     50                  q0 3, q1 4, not known 1',
  ]);
  assertValid('bench', JSON.parse(renderBench(streams, 'json')));
});

test('against: the answer, both hosts, both figures with their spread, and the judgement', () => {
  const [cell] = report.results.flatMap((result) => (result.cell.kind === 'send' ? result.cell : []));
  assert.ok(cell);
  const with8 = (rate: number): BenchReport => ({
    ...report,
    results: [{ cell, missing: null, runs: Array.from({ length: 8 }, (_, index) => run(2 * (rate + index))) }],
  });
  const [before, after] = [
    savedReport(reportJson({ ...with8(1000), kernel: '7.2' }), 'old.json'),
    savedReport(reportJson(with8(1500)), 'this run'),
  ];
  const figures = differences([cell], before, after);
  const against = { file: 'old.json', before, after, figures };
  const [answer = '', ...lines] = renderAgainst(against, 'text').split('\n');
  assert.equal(answer, 'Against old.json: 2 of 3 figures differ.');
  assert.deepEqual(
    lines.slice(3, 5).map((line) => line.split(/ {2,}/)),
    [
      ['kernel', 'Linux 7.2', 'Linux 7.3'],
      ['CPU', 'Some CPU, 4 online', 'the same'],
    ],
  );
  const table = lines.slice(lines.indexOf('Medians (least–most)') + 2).map((line) => line.split(/ {2,}/));
  assert.deepEqual(table[1]?.slice(1, 5), ['transmitted/s', '1 004 (1 000–1 007)', '1 504 (1 500–1 507)', '+49.8 %']);
  assert.match(table[1]?.[5] ?? '', /^differs \(p 0\.000\d\)$/);
  assert.deepEqual(table[2]?.slice(1), ['lost/s', '0', '0', '+0.0 %', 'no difference shown']);
  assert.ok(renderAgainst(against, 'markdown').includes('| kernel | Linux 7.2 | Linux 7.3 |'));
  assertValid('bench', JSON.parse(renderBench(with8(1500), 'json', against)));
  const same = renderAgainst({ ...against, figures: differences([cell], before, before) }, 'text');
  assert.match(same, /^Against old\.json: no difference shown in 3 figures\.\n/);
  const none = renderAgainst({ ...against, figures: differences([{ ...cell, id: 'x' }], before, after) }, 'text');
  assert.match(none, /^Against old\.json: nothing could be judged\.\n/);
});
