// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchHost, BenchReport, CellResult, MessageCell, Run, SendCell } from '../bench-report.ts';
import { renderDocument } from './document-table.ts';

const run = (transmitted: number, more: Partial<Run> = {}): Run => ({
  ...{ seconds: 2, transmitted, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined, disagreements: [] },
  ...more,
});

function send(
  reader: SendCell['reader'],
  flow: SendCell['flow'],
  runs: readonly Run[],
  missing: string | null = null,
  more: Partial<SendCell> = {},
): CellResult {
  const cell = {
    kind: 'send',
    id: `${reader}/${flow}`,
    reader,
    flow,
    threads: 1,
    queues: 1,
    pinned: false,
    shape: 'sample01',
    ...more,
  } as const;
  return { cell, missing, runs };
}

function message(
  size: number,
  zeroCopy: boolean,
  runs: readonly Run[],
  missing: string | null = null,
  more: Pick<MessageCell, 'device'> = {},
): CellResult {
  const cell: MessageCell = { kind: 'message', id: `zero-copy/${zeroCopy}/${size}`, zeroCopy, size, ...more };
  return { cell, missing, runs };
}

const HOST: BenchHost = {
  cpuModel: 'Some CPU',
  srso: 'Mitigation: Safe RET',
  mitigated: ['spec_rstack_overflow', 'spectre_v2'],
  hardenedUsercopy: true,
  defaultQdisc: 'fq_codel',
  tunPaths: [],
};

const report = (results: readonly CellResult[], more: Partial<BenchHost> = {}): BenchReport => ({
  ...{ schema: 1, version: '1.2.3', kernel: '7.3', cpus: 4, seconds: 2, repeats: 1, packetSize: 60, ring: 1000 },
  ...{ pinnedTo: 0, agentRuns: false },
  host: { ...HOST, ...more },
  results,
});

test('v7: the box of the mail, what the host lacks in the cell', () => {
  const results = [
    send('tap', 'tail-drop', [run(2_660_000, { lost: 7_790_000, readerCpus: ['0-3'] })]),
    send('tap', 'backpressure', [run(2_066_000, { readerCpus: ['1'] })]),
    send('vhost', 'tail-drop', [run(2_816_000, { lost: 7 })]),
    send('vhost', 'backpressure', [], "this kernel's tun has no IFF_BACKPRESSURE (Linux 7.3 has it)"),
  ];
  assert.deepEqual(renderDocument('v7', report(results)).split('\n').slice(0, 22), [
    "OK: in all 3 runs the agent's counters equal those of pktgen, tc -s, the readers and the guests.",
    '',
    'CPU: Some CPU, 4 online. Linux 7.3.',
    'SRSO: Mitigation: Safe RET. Mitigated: spec_rstack_overflow, spectre_v2. Hardened usercopy: on. Default qdisc: fq_codel.',
    'pktgen: 1 thread, start_xmit, burst 1, packets of 60 bytes; 1 queue, ring 1000. Stock: without IFF_BACKPRESSURE.',
    'sample03: 1 flow, no timestamps, and burst 32 where the device takes it. Nothing is pinned where the table does not say so.',
    "Readers and vhost-net's workers may run on these CPUs, by the kernel: 0-3 or 1.",
    'perf stat: rates are for a second of task-clock. (n%): the event had a counter for that share of its time, and is scaled.',
    'Medians of 1 repeats of 2 s, with the probes of tapscope 1.2.3.',
    '',
    '+-------------------+-------------+-----------+-------------------------------------+',
    '| pktgen benchmarks |             | Stock     | Patched with fq_codel qdisc         |',
    '+-------------------+-------------+-----------+-------------------------------------+',
    '| TAP               | Transmitted | 1330 Kpps | 1033 Kpps                           |',
    '|                   +-------------+-----------+-------------------------------------+',
    '|                   | Lost        | 3895 Kpps | 0                                   |',
    '+-------------------+-------------+-----------+-------------------------------------+',
    '| TAP               | Transmitted | 1408 Kpps | this kernel has no IFF_BACKPRESSURE |',
    '|                   +-------------+-----------+-------------------------------------+',
    '| + vhost-net       | Lost        | 3.5 pps   | this kernel has no IFF_BACKPRESSURE |',
    '+-------------------+-------------+-----------+-------------------------------------+',
    '',
  ]);
});

test('v7: the other shape of pktgen, with the burst that the device took', () => {
  const results = [send('tap', 'tail-drop', [run(4_000_000, { burst: 1 })], null, { shape: 'sample03' })];
  const text = renderDocument('v7', report(results));
  assert.match(text, /^\| sample03, burst 1 +\| +\| Stock +\| Patched with fq_codel qdisc +\|$/m);
  assert.match(text, /^\| TAP +\| Transmitted \| 2000 Kpps +\| not measured +\|$/m);
});

test('a host without pktgen: the cells say so', () => {
  const missing = 'the generator pktgen is not loaded: modprobe pktgen (a kernel with CONFIG_NET_PKTGEN)';
  const text = renderDocument('v7', report([send('tap', 'tail-drop', [], missing)]));
  assert.match(text, /^NOTHING could be measured on this host\.$/m);
  assert.match(text, /\| Transmitted \| needs pktgen \|/);
});

test('v7: with vhost-net pinned, the packets of each thread', () => {
  const pinned = { pinned: true } as const;
  const results = [
    send('vhost', 'tail-drop', [run(904_000, { lost: 2_308_000 })], null, pinned),
    send('vhost', 'backpressure', [run(632_000)], null, { ...pinned, threads: 4 }),
  ];
  const lines = renderDocument('v7', report(results)).split('\n');
  const begin = lines.findIndex((line) => line.includes('vhost pinned to CPU 0'));
  assert.deepEqual(
    lines.slice(begin + 2, begin + 9).map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    ),
    [
      ['TAP', 'Transmitted', '452 Kpps', 'not measured'],
      ['+ vhost-net', 'Lost', '1154 Kpps', 'not measured'],
      ['1 thread', '', '', ''],
      [],
      ['TAP', 'Transmitted', 'not measured', '79 Kpps'],
      ['+ vhost-net', 'Lost', 'not measured', '0'],
      ['4 threads, each', '', '', ''],
    ],
  );
});

test('v8: pinned, and a column without a qdisc', () => {
  const text = renderDocument(
    'v8',
    report([send('tap', 'no-qdisc', [run(4000)], null, { pinned: true })], {
      srso: undefined,
      mitigated: [],
      hardenedUsercopy: undefined,
      defaultQdisc: undefined,
    }),
  );
  assert.match(text, /\| Stock +\| Patched with noqueue qdisc +\| Patched with fq_codel qdisc +\|/);
  assert.match(text, /^Readers and vhost-net pinned to CPU 0\.$/m);
  assert.match(
    text,
    /^SRSO: the kernel does not say\. Mitigated: nothing\. Hardened usercopy: unknown\. Default qdisc: unknown\.$/m,
  );
});

test('zero-copy: a line a size, with and without, in the order of the mail', () => {
  const results = [
    message(4096, true, [run(10_000, { workerSeconds: 0.5, vmmSeconds: 1.84, interruptsPerSecond: 1229.4 })]),
    message(4096, false, [run(5000, { workerSeconds: 1 })]),
    message(65_000, false, [], 'open of /dev/vhost-net: ENOENT'),
  ];
  const lines = renderDocument('zero-copy', report(results)).split('\n').slice(9);
  const words = lines.map((line) => line.split(/ {2,}/));
  assert.deepEqual(words[0], ['Message', 'BW(Mb/s)', 'qemu-kvm (NumCPU)', 'vhost-net(NumCPU)', 'PerfTop irq/s']);
  assert.deepEqual(words[1], ['4K', '163.84', '92.0%', '25.0%', '1229']);
  assert.deepEqual(words[2], ['4K(Orig)', '81.92', 'not seen', '50.0%', 'not counted']);
  assert.deepEqual(words[8], ['64K(Orig)', ...Array(4).fill('needs vhost_net')]);
  assert.deepEqual(words[9], ['']);
});

test('zero-copy: the lines of a macvtap follow those of a tap', () => {
  const macvtap = { device: 'macvtap' } as const;
  const results = [
    message(4096, true, [run(10_000, { workerSeconds: 0.5 })]),
    message(4096, true, [run(20_000, { workerSeconds: 1 })], null, macvtap),
    message(4096, false, [], 'the module macvtap is not loaded: modprobe macvtap', macvtap),
  ];
  const lines = renderDocument('zero-copy', report(results)).split('\n').slice(9);
  const words = lines.map((line) => line.split(/ {2,}/));
  assert.deepEqual(words[1], ['4K', '163.84', 'not seen', '25.0%', 'not counted']);
  assert.deepEqual(words[9], ['4K macvtap', '327.68', 'not seen', '50.0%', 'not counted']);
  assert.deepEqual(words[10]?.slice(0, 2), ['4K macvtap(Orig)', 'needs the macvtap module']);
  assert.equal(words.length, 18);
});

test('napi: the figure is before or after, as this kernel has the cache or not', () => {
  const result = (runs: readonly Run[], missing: string | null = null): CellResult => ({
    ...{ cell: { kind: 'pair', id: 'guest-to-guest/size=1490', size: 1490 }, missing, runs },
  });
  const freed = { there: 250_000, elsewhere: 550_000, deferred: 200_000 };
  const measured = [result([run(1_000_000, { lost: 4000, freed })])];
  const lines = (present: boolean | null): readonly string[] =>
    renderDocument('napi', report(measured, { tunPaths: [{ name: 'NAPI cache', present, reason: 'why' }] }))
      .split('\n')
      .slice(4);
  assert.deepEqual(lines(false), [
    'Two guests of vhost-net with 1 queue each and a bridge between their taps; noqueue qdisc, ring 1000. CPU not pinned.',
    'Medians of 1 repeats of 2 s, with the probes of tapscope 1.2.3.',
    '',
    'Bitrate, packets of 1490 bytes',
    'Before: 5.96 Gbits/sec',
    'After : this kernel does not have the NAPI cache in tun',
    'Lost at the second tap: 2 Kpps',
    'Freed on the CPU that allocated them: 25.0 %',
    'Given back to the CPU that allocated them: 20.0 %',
    'NAPI cache: why',
    '',
  ]);
  assert.deepEqual(lines(true).slice(4, 6), [
    'Before: this kernel has the NAPI cache in tun',
    'After : 5.96 Gbits/sec',
  ]);
  assert.equal(lines(null)[4], 'Before or after: 5.96 Gbits/sec; the code of tun could not be read');
  const missing = renderDocument('napi', report([result([], 'the module bridge is not loaded: modprobe bridge')]));
  assert.match(missing, /^Lost at the second tap: needs the bridge module$/m);
  const untold = renderDocument('napi', report([result([run(1000)])]));
  assert.match(untold, /^Freed on the CPU that allocated them: not on this kernel$/m);
});

test('a figure that is off by a packet is marked and told', () => {
  const wrong = run(4000, { disagreements: ['lost packets: 1 by the agent, 2 by pktgen'] });
  const text = renderDocument('v7', report([send('tap', 'tail-drop', [wrong])]));
  assert.match(text, /^WRONG: one number differs/);
  assert.match(text, /2 Kpps !/);
  assert.match(text, /^tap\/tail-drop, repeat 1: lost packets: 1 by the agent, 2 by pktgen$/m);
});
