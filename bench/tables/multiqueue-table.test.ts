// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellResult, Run, StreamCell, StreamRun } from '../bench-report.ts';
import { ALL_CELLS } from '../cells.ts';
import { mailRow } from '../mail-rows.ts';
import { multiqueueHeader, multiqueueTable } from './multiqueue-table.ts';

const run = (stream: Omit<StreamRun, 'ofNoQueue'> & Partial<StreamRun>, ...disagreements: readonly string[]): Run => ({
  ...{ seconds: 2, transmitted: 1, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined },
  ...{ stream: { ofNoQueue: 0, ...stream }, tookSeconds: 4, disagreements },
});

function result(
  cell: Partial<StreamCell>,
  runs: readonly Run[],
  missing: string | null = null,
): CellResult & { readonly cell: StreamCell } {
  const whole = { direction: 'guest-to-host', size: 512, sessions: 1, queues: 1, ...cell } as const;
  const cpus = cell.cpus ?? whole.queues;
  return { cell: { kind: 'stream', id: 'stream', ...whole, cpus }, missing, runs };
}

test('the layout of the mail: a test, a block for each count of queues, a line for each count of sessions', () => {
  const lines = multiqueueTable([
    result({}, [run({ bitsPerSecond: 2054.11e6, hostCpu: 0.2343, queues: [4711] })]),
    result({ sessions: 8 }, [run({ bitsPerSecond: 1993.41e6, hostCpu: 0.2382, queues: [52] })]),
    result({ queues: 2 }, [run({ bitsPerSecond: 196e6, hostCpu: 0.5, queues: [0, 31] })]),
    result({ cpus: 4 }, [run({ bitsPerSecond: 1e8, hostCpu: 0.5, queues: [7] })]),
    result({ direction: 'guest-to-guest', size: null }, [run({ bitsPerSecond: 1e9, hostCpu: 1, queues: [9] })]),
  ]);
  assert.deepEqual(lines, [
    '5 Guest to Local host TCP 512 byte',
    'Multiqueue Result:',
    '== smp=1 queue=1 ==',
    'sessions  throughput  cpu    normalized  mail     cpu    normalized  took  packets for each queue',
    '1         2054.11     23.43  88          1961.31  35.43  55          4 s   q0 4711',
    '8         1993.41     23.82  84          1907.94  34.75  54          4 s   q0 52',
    '== smp=2 queue=2 ==',
    'sessions  throughput  cpu    normalized  mail     cpu    normalized  took  packets for each queue',
    '1         196.00      50.00  3.9         1971.22  31.95  61          4 s   q0 0, q1 31',
    'Single-queue Result:',
    '== smp=1 queue=1 ==',
    'sessions  throughput  cpu    normalized  mail     cpu    normalized  took  packets for each queue',
    '1         2054.11     23.43  88          1981.08  31.89  62          4 s   q0 4711',
    '8         1993.41     23.82  84          1943.50  31.45  61          4 s   q0 52',
    '== smp=4 queue=1 ==',
    'sessions  throughput  cpu    normalized  mail     cpu    normalized  took  packets for each queue',
    '1         100.00      50.00  2.0         2110.70  33.18  63          4 s   q0 7',
    '',
    'Guest to Guest TCP default size',
    'Multiqueue Result:',
    '== smp=1 queue=1 ==',
    'sessions  throughput  cpu     normalized  took  packets for each queue',
    '1         1000.00     100.00  10          4 s   q0 9',
    'Single-queue Result:',
    '== smp=1 queue=1 ==',
    'sessions  throughput  cpu     normalized  took  packets for each queue',
    '1         1000.00     100.00  10          4 s   q0 9',
  ]);
});

test('tests in the order of the mail', () => {
  const [measured] = [run({ bitsPerSecond: 1e6, hostCpu: 1, queues: [1] })];
  const lines = multiqueueTable(
    ALL_CELLS.flatMap((cell) =>
      cell.kind === 'stream' && cell.sessions === 1 && cell.cpus === 1 ? [result(cell, [measured])] : [],
    ),
  );
  assert.deepEqual(
    lines.filter((line) => /^\d .* TCP /.test(line)),
    [
      '1 Guest to External Host TCP 512 byte',
      '2 Guest to External Host TCP default size',
      '3 External Host to Guest TCP default size',
      '4 External Host to Guest TCP 512 byte',
      '5 Guest to Local host TCP 512 byte',
      '6 Guest to Local host TCP default size',
      '7 Local host to Guest TCP 512 byte',
      '8 Local host to Guest TCP default size',
    ],
  );
});

test('each of the 256 rows of the mail has a cell that is shown beside it', () => {
  const cells = ALL_CELLS.flatMap((cell) => (cell.kind === 'stream' ? [cell] : []));
  const rows = cells.flatMap((cell) => [mailRow(cell, 'multiqueue') ?? [], mailRow(cell, 'single queue') ?? []].flat());
  assert.equal(rows.length, 256);
  assert.equal(new Set(rows.map(({ throughput, cpu }) => `${throughput} ${cpu}`)).size, 256);
});

test('medians of the repeats, sums of their packets, and a mark where a number differs', () => {
  const streams = [100, 300, 200].map((megabits, index) => ({
    bitsPerSecond: megabits * 1e6,
    hostCpu: 0.5,
    queues: [index, 1],
    ofNoQueue: index,
  }));
  const wrong = streams.map((stream, index) => run(stream, ...(index === 1 ? ['one packet'] : [])));
  const [, , , , line] = multiqueueTable([result({ queues: 2 }, wrong)]);
  assert.equal(
    line,
    '1         200.00 !    50.00  4.0         1971.22  31.95  61          12 s  q0 3, q1 3, not known 3',
  );
});

test('what the host lacks is named in each cell, in a sentence', () => {
  const reasons = [
    'this host has no iperf3: apt install iperf3',
    'the guest hangs: iperf3 did not end within 32 s',
    'vhost_net cannot be loaded: there is no /dev/vhost-net',
    'interrupted',
  ];
  for (const missing of reasons) {
    const lines = multiqueueTable([result({ sessions: 4 }, [], missing)]);
    assert.deepEqual(lines.slice(3, 5), [
      'sessions  throughput  cpu  normalized  mail  cpu  normalized  took  packets for each queue',
      `4         ${missing}`,
    ]);
  }
});

test('the header names what plays the guests', () => {
  const guests = { kernel: '6.1', kvm: true, vhost: true, qdisc: 'fq_codel', mitigated: [] };
  assert.deepEqual(multiqueueHeader(guests, 1000, 1.5).slice(0, 2), [
    'Guests: QEMU with KVM, Linux 6.1, virtio-net, vhost-net on. Mitigated in them: nothing.',
    'fq_codel qdisc on each queue, ring 1000. CPU not pinned. One iperf3 for each session, for 2 s.',
  ]);
  const [emulated] = multiqueueHeader({ ...guests, kvm: false, vhost: false }, 1000, 1);
  assert.match(emulated ?? '', /QEMU without KVM \(emulated, slow\), .* vhost-net off: QEMU reads the tap\./);
  assert.equal(multiqueueHeader(undefined, 1000, 1)[0], 'No guest started.');
});
