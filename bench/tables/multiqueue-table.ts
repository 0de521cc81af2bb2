// SPDX-License-Identifier: Apache-2.0
// TCP streams in the layout of the multiqueue mail, beside its figures: a test for each direction and message size, in it a block for
// each guest of the multiqueue driver, then of the single-queue driver.
import {
  type CellResult,
  DIRECTIONS,
  type Direction,
  type Run,
  STREAM_SIZES,
  type StreamCell,
  type StreamGuests,
  type StreamRun,
  spread,
  wholeSeconds,
} from '../bench-report.ts';
import { EXTERNAL_CPU } from '../external-host.ts';
import { type MailRow, mailRow, testNumber } from '../mail-rows.ts';

type StreamResult = CellResult & { readonly cell: StreamCell };

const TITLES: Readonly<Record<Direction, string>> = {
  'guest-to-external': 'Guest to External Host',
  'external-to-guest': 'External Host to Guest',
  'guest-to-host': 'Guest to Local host',
  'host-to-guest': 'Local host to Guest',
  both: 'Guest to Local host and back at the same time',
  'guest-to-guest': 'Guest to Guest',
};

const COLUMNS = [
  'sessions',
  'throughput',
  'cpu',
  'normalized',
  'mail',
  'cpu',
  'normalized',
  'took',
  'packets for each queue',
];
/** Those of the mail. */
const MAIL = [4, 5, 6];

/** Blocks with the cells that were asked for. */
export function multiqueueTable(results: readonly CellResult[]): readonly string[] {
  const streams = results.filter((result): result is StreamResult => result.cell.kind === 'stream');
  const tests = DIRECTIONS.flatMap((direction) =>
    STREAM_SIZES.map((size) => streams.filter(({ cell }) => cell.direction === direction && cell.size === size)),
  )
    .filter((cells) => cells.length > 0)
    .sort(([one], [other]) => testNumber(one?.cell) - testNumber(other?.cell));
  return tests.flatMap((cells, index) => [...(index > 0 ? [''] : []), ...testLines(cells)]);
}

function testLines(results: readonly StreamResult[]): readonly string[] {
  const cell = results[0]?.cell;
  if (cell === undefined) return [];
  const size = cell.size === null ? 'default size' : `${cell.size} byte`;
  // With one CPU both drivers have one queue: the same guest, and one measurement.
  const drivers = [
    ['Multiqueue Result:', 'multiqueue', results.filter(({ cell: { queues, cpus } }) => queues === cpus)],
    ['Single-queue Result:', 'single queue', results.filter(({ cell: { queues } }) => queues === 1)],
  ] as const;
  const rows = drivers.map(([, driver, cells]) => cells.map((result) => rowOf(result, mailRow(result.cell, driver))));
  const inMail = testNumber(cell) !== Number.POSITIVE_INFINITY;
  const shown = COLUMNS.map((_, column) => inMail || !MAIL.includes(column));
  const all = [COLUMNS, ...rows.flat()];
  const widths = COLUMNS.map((_, column) =>
    // A sentence in place of figures takes no column's width.
    Math.max(...all.map((row) => (row.length < COLUMNS.length ? 0 : (row[column]?.length ?? 0)))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .filter((_, column) => row.length < COLUMNS.length || shown[column])
      .join('  ')
      .trimEnd();
  const lines = drivers.flatMap(([title, , cells], driver) => [
    ...(cells.length > 0 ? [title] : []),
    ...cells.flatMap(({ cell: { queues, cpus, sessions } }, index) => {
      const before = cells[index - 1]?.cell;
      const begins = before?.queues !== queues || before.cpus !== cpus;
      const row = rows[driver]?.[index] ?? [String(sessions)];
      return [...(begins ? [`== smp=${cpus} queue=${queues} ==`, line(COLUMNS)] : []), line(row)];
    }),
  ]);
  return [`${inMail ? `${testNumber(cell)} ` : ''}${TITLES[cell.direction]} TCP ${size}`, ...lines];
}

/** Mbit/s; the busy share of all CPUs of the host in percent; the one divided by the other; the mail's; seconds. */
function rowOf({ cell, missing, runs }: StreamResult, mail: MailRow | undefined): readonly string[] {
  const sessions = String(cell.sessions);
  if (missing !== null || runs.length === 0) return [sessions, missing ?? 'not measured'];
  const streams = runs.flatMap(({ stream }) => stream ?? []);
  const median = (figure: (stream: StreamRun) => number): number => spread(streams.map(figure)).median;
  const normalized = median((stream) => megabits(stream) / percent(stream));
  const wrong = runs.some(({ disagreements }) => disagreements.length > 0);
  const took = runs.reduce((sum, { tookSeconds = 0 }) => sum + tookSeconds, 0);
  return [
    sessions,
    `${median(megabits).toFixed(2)}${wrong ? ' !' : ''}`,
    median(percent).toFixed(2),
    normalized.toFixed(normalized < 1 ? 3 : normalized < 10 ? 1 : 0),
    ...(mail ? [mail.throughput.toFixed(2), mail.cpu.toFixed(2), String(mail.normalized)] : MAIL.map(() => '')),
    `${took.toFixed(0)} s`,
    queuesText(runs),
  ];
}

const megabits = ({ bitsPerSecond }: StreamRun): number => bitsPerSecond / 1e6;
const percent = ({ hostCpu }: StreamRun): number => 100 * hostCpu;

/** Sums of all repeats: a flow may take another queue each time. */
export function queuesText(runs: readonly Run[]): string {
  const sums: number[] = [];
  let ofNoQueue = 0;
  for (const { stream } of runs) {
    for (const [queue, packets] of (stream?.queues ?? []).entries()) sums[queue] = (sums[queue] ?? 0) + packets;
    ofNoQueue += stream?.ofNoQueue ?? 0;
  }
  const known = sums.map((packets, queue) => `q${queue} ${packets}`);
  return [...known, ...(ofNoQueue > 0 ? [`not known ${ofNoQueue}`] : [])].join(', ');
}

export function multiqueueHeader(guests: StreamGuests | undefined, ring: number, seconds: number): readonly string[] {
  const machine =
    guests === undefined
      ? 'No guest started.'
      : `Guests: QEMU ${guests.kvm ? 'with KVM' : 'without KVM (emulated, slow)'}, Linux ${guests.kernel}, virtio-net, vhost-net ${guests.vhost ? 'on' : 'off: QEMU reads the tap'}. Mitigated in them: ${guests.mitigated.join(', ') || 'nothing'}.`;
  return [
    machine,
    `${guests?.qdisc || 'No'} qdisc on each queue, ring ${ring}. CPU not pinned. One iperf3 for each session, for ${wholeSeconds(seconds)} s.`,
    `The external host is a namespace behind a veth and a bridge, whose iperf3 may run on CPU ${EXTERNAL_CPU} alone; that is one of this host, and a part of its cpu.`,
    'Single queue: a tap of one queue for a guest of several CPUs; with one CPU both drivers have one queue, and one measurement is both rows. took: with the boot of the guests, where the row needed one.',
    "throughput: Mbit/s that all sessions received. cpu: the busy share of all of this host's CPUs, in percent, other programs too. normalized: throughput / cpu.",
    "packets for each queue: by tapscope's counters of the receiver's tap, or of the guest's tap where a host receives; tun sends acknowledgements by the queue on which the flow came.",
  ];
}
