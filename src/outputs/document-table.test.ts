// SPDX-License-Identifier: Apache-2.0
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
): CellResult {
  const cell = { kind: 'send', id: `${reader}/${flow}`, reader, flow, threads: 1, queues: 1, pinned: false } as const;
  return { cell, missing, runs };
}

function message(size: number, zeroCopy: boolean, runs: readonly Run[], missing: string | null = null): CellResult {
  const cell: MessageCell = { kind: 'message', id: `zero-copy/${zeroCopy}/${size}`, zeroCopy, size };
  return { cell, missing, runs };
}

const report = (results: readonly CellResult[]): BenchReport => ({
  ...{ schema: 1, version: '1.2.3', kernel: '7.3', cpus: 4, seconds: 2, repeats: 1, packetSize: 60, ring: 1000 },
  ...{ pinnedTo: 0, agentRuns: false },
  results,
});

const host: BenchHost = {
  cpuModel: 'Some CPU',
  srso: 'Mitigation: Safe RET',
  mitigated: ['spec_rstack_overflow', 'spectre_v2'],
  hardenedUsercopy: true,
};

test('v7: the box of the mail, what the host lacks in the cell', () => {
  const results = [
    send('tap', 'tail-drop', [run(2_660_000, { lost: 7_790_000 })]),
    send('tap', 'backpressure', [run(2_066_000)]),
    send('vhost', 'tail-drop', [run(2_816_000, { lost: 7 })]),
    send('vhost', 'backpressure', [], "this kernel's tun has no IFF_BACKPRESSURE (Linux 7.3 has it)"),
  ];
  assert.deepEqual(renderDocument('v7', report(results), host).split('\n'), [
    "OK: in all 3 runs the agent's counters equal those of pktgen, tc -s, the readers and the guests.",
    '',
    'CPU: Some CPU, 4 online. Linux 7.3.',
    'SRSO: Mitigation: Safe RET. Mitigated: spec_rstack_overflow, spectre_v2. Hardened usercopy: on.',
    'pktgen: 1 thread, start_xmit, burst 1, packets of 60 bytes; 1 queue, ring 1000. Stock: without IFF_BACKPRESSURE.',
    'CPU not pinned.',
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

test('a host without pktgen: the cells say so', () => {
  const missing = 'the generator pktgen is not loaded: modprobe pktgen (a kernel with CONFIG_NET_PKTGEN)';
  const text = renderDocument('v7', report([send('tap', 'tail-drop', [], missing)]), host);
  assert.match(text, /^NOTHING could be measured on this host\.$/m);
  assert.match(text, /\| Transmitted \| needs pktgen \|/);
});

test('v8: pinned, and a column without a qdisc', () => {
  const text = renderDocument('v8', report([send('tap', 'no-qdisc', [run(4000)])]), {
    ...host,
    srso: undefined,
    mitigated: [],
    hardenedUsercopy: undefined,
  });
  assert.match(text, /\| Stock +\| Patched with noqueue qdisc +\| Patched with fq_codel qdisc +\|/);
  assert.match(text, /^Readers and vhost-net pinned to CPU 0\.$/m);
  assert.match(text, /^SRSO: the kernel does not say\. Mitigated: nothing\. Hardened usercopy: unknown\.$/m);
});

test('zero-copy: a line a size, with and without, in the order of the mail', () => {
  const results = [
    message(4096, true, [run(10_000, { workerSeconds: 0.5 })]),
    message(4096, false, [run(5000, { workerSeconds: 1 })]),
    message(65_000, false, [], 'open of /dev/vhost-net: ENOENT'),
  ];
  const lines = renderDocument('zero-copy', report(results), host).split('\n').slice(7);
  const words = lines.map((line) => line.split(/ {2,}/));
  assert.deepEqual(words[0], ['Message', 'BW(Mb/s)', 'qemu-kvm (NumCPU)', 'vhost-net(NumCPU)', 'PerfTop irq/s']);
  assert.deepEqual(words[1], ['4K', '163.84', 'needs QEMU', '25.0%', 'not counted']);
  assert.deepEqual(words[2], ['4K(Orig)', '81.92', 'needs QEMU', '50.0%', 'not counted']);
  assert.deepEqual(words[8], ['64K(Orig)', 'needs vhost_net', 'needs QEMU', 'needs vhost_net', 'not counted']);
});

test('a figure that is off by a packet is marked and told', () => {
  const wrong = run(4000, { disagreements: ['lost packets: 1 by the agent, 2 by pktgen'] });
  const text = renderDocument('v7', report([send('tap', 'tail-drop', [wrong])]), host);
  assert.match(text, /^WRONG: one number differs/);
  assert.match(text, /2 Kpps !/);
  assert.match(text, /^tap\/tail-drop, repeat 1: lost packets: 1 by the agent, 2 by pktgen$/m);
});
