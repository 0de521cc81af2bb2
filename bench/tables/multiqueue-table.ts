// SPDX-License-Identifier: Apache-2.0
// TCP streams in the layout of the multiqueue mail: a test for each direction and message size, a block for each count of queues.
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

type StreamResult = CellResult & { readonly cell: StreamCell };

const TITLES: Readonly<Record<Direction, string>> = {
  'guest-to-host': 'Guest to Local host',
  'host-to-guest': 'Local host to Guest',
  both: 'Guest to Local host and back at the same time',
  'guest-to-guest': 'Guest to Guest',
};

const COLUMNS = ['sessions', 'throughput', 'cpu', 'normalized', 'packets for each queue'];

/** Blocks with the cells that were asked for. */
export function multiqueueTable(results: readonly CellResult[]): readonly string[] {
  const streams = results.filter((result): result is StreamResult => result.cell.kind === 'stream');
  const tests = DIRECTIONS.flatMap((direction) =>
    STREAM_SIZES.map((size) => streams.filter(({ cell }) => cell.direction === direction && cell.size === size)),
  ).filter((cells) => cells.length > 0);
  return tests.flatMap((cells, index) => [...(index > 0 ? [''] : []), ...testLines(index + 1, cells)]);
}

function testLines(number: number, results: readonly StreamResult[]): readonly string[] {
  const cell = results[0]?.cell;
  if (cell === undefined) return [];
  const size = cell.size === null ? 'default size' : `${cell.size} byte`;
  const queues = [...new Set(results.map((result) => result.cell.queues))];
  const blocks = queues.map((count) => results.filter((result) => result.cell.queues === count));
  const rows = [COLUMNS, ...results.map(rowOf)];
  const widths = COLUMNS.map((_, column) =>
    // A sentence in place of figures takes no column's width.
    Math.max(...rows.map((row) => (row.length < COLUMNS.length ? 0 : (row[column]?.length ?? 0)))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    `${number} ${TITLES[cell.direction]} TCP ${size}`,
    ...blocks.flatMap((block) => [
      `== smp=${block[0]?.cell.queues} queue=${block[0]?.cell.queues} ==`,
      line(COLUMNS),
      ...block.map((result) => line(rowOf(result))),
    ]),
  ];
}

/** Mbit/s; the busy share of all CPUs of the host in percent; the one divided by the other. */
function rowOf({ cell, missing, runs }: StreamResult): readonly string[] {
  const sessions = String(cell.sessions);
  if (missing !== null || runs.length === 0) return [sessions, missing ?? 'not measured'];
  const streams = runs.flatMap(({ stream }) => stream ?? []);
  const median = (figure: (stream: StreamRun) => number): number => spread(streams.map(figure)).median;
  const normalized = median((stream) => megabits(stream) / percent(stream));
  const wrong = runs.some(({ disagreements }) => disagreements.length > 0);
  return [
    sessions,
    `${median(megabits).toFixed(2)}${wrong ? ' !' : ''}`,
    median(percent).toFixed(2),
    normalized.toFixed(normalized < 1 ? 3 : normalized < 10 ? 1 : 0),
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
      : `Guests: QEMU ${guests.kvm ? 'with KVM' : 'without KVM (emulated, slow)'}, Linux ${guests.kernel}, virtio-net, vhost-net ${guests.vhost ? 'on' : 'off: QEMU reads the tap'}, as many CPUs as queues. Mitigated in them: ${guests.mitigated.join(', ') || 'nothing'}.`;
  return [
    machine,
    `${guests?.qdisc || 'No'} qdisc on each queue, ring ${ring}. CPU not pinned. One iperf3 for each session, for ${wholeSeconds(seconds)} s.`,
    "throughput: Mbit/s that all sessions received. cpu: the busy share of all of this host's CPUs, in percent, other programs too. normalized: throughput / cpu.",
    "packets for each queue: by tapscope's counters of the receiver's tap, or of the guest's tap where the host receives; tun sends acknowledgements by the queue on which the flow came.",
  ];
}
