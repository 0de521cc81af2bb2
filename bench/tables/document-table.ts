// SPDX-License-Identifier: Apache-2.0
// A bench's report in the layout of the mail whose table it repeats: rows, columns and their order are the mail's.
import type { DocumentName } from '../../src/commands/bench.ts';
import {
  type BenchReport,
  type CellResult,
  disagreements,
  type FlowCase,
  type FreedPackets,
  freedTotal,
  type PktgenShape,
  type Run,
  type SendCell,
  spread,
  type ThreadCounts,
  type TunPath,
} from '../bench-report.ts';
import { PATH_DELAY_MS, PATH_FLOWS, PATH_LOSS_PERCENT, PATH_PACE, PATH_RING, pathSeconds } from '../path.ts';
import { verdict } from './bench-text.ts';
import { slowdownText } from './host-text.ts';
import { multiqueueHeader, multiqueueTable } from './multiqueue-table.ts';
import { pathTables } from './path-table.ts';

const COLUMNS: Readonly<Record<'v7' | 'v8', readonly (readonly [FlowCase, string])[]>> = {
  v7: [
    ['tail-drop', 'Stock'],
    ['backpressure', 'Patched with fq_codel qdisc'],
  ],
  v8: [
    ['tail-drop', 'Stock'],
    ['no-qdisc', 'Patched with noqueue qdisc'],
    ['backpressure', 'Patched with fq_codel qdisc'],
  ],
};

const READERS = [
  ['tap', 'TAP', ''],
  ['vhost', 'TAP', '+ vhost-net'],
] as const;

type PerfRow = readonly [
  what: string,
  value: (counts: ThreadCounts, seconds: number) => number | undefined,
  show: (median: number) => string,
];

const PERF_ROWS: readonly PerfRow[] = [
  [
    'context-switches',
    ({ contextSwitches }, seconds) => each(contextSwitches, seconds),
    (value) => `${value.toFixed(1)}/s`,
  ],
  ['cpu-migrations', ({ migrations }, seconds) => each(migrations, seconds), (value) => `${value.toFixed(1)}/s`],
  ['task-clock', ({ taskClockNs }, seconds) => each(taskClockNs, 1e9 * seconds), (value) => `${value.toFixed(2)} CPUs`],
  ['cpu-cycles', ({ cycles }, seconds) => each(cycles, 1e9 * seconds), (value) => `${value.toFixed(2)} G/s`],
  [
    'instructions',
    ({ instructions }, seconds) => each(instructions, 1e9 * seconds),
    (value) => `${value.toFixed(2)} G/s`,
  ],
  ['insn per cycle', ({ instructions, cycles }) => each(instructions, cycles), (value) => value.toFixed(2)],
];

function each(count: number | undefined, of: number | undefined): number | undefined {
  return count === undefined || of === undefined ? undefined : count / of;
}

const SIZES = [
  [4096, '4K'],
  [8192, '8K'],
  [16_384, '16K'],
  [65_000, '64K'],
] as const;

export function renderDocument(name: DocumentName, report: BenchReport): string {
  const body = tableOf(name, report);
  return [verdict(report), '', ...header(name, report), '', ...body, ...disagreements(report), ''].join('\n');
}

function tableOf(name: DocumentName, report: BenchReport): readonly string[] {
  if (name === 'zero-copy') return zeroCopyTable(report);
  if (name === 'napi') return napiLines(report);
  if (name === 'multiqueue') return multiqueueTable(report.results);
  if (name === 'latency') return latencyTable(report);
  if (name === 'v8') return pktgenTable(name, report);
  return [...pktgenTable(name, report), '', ...pktgenTable(name, report, 'sample03'), '', ...perfTable(report)];
}

function header(name: DocumentName, report: BenchReport): readonly string[] {
  const { kernel, cpus, seconds, repeats, packetSize, ring, pinnedTo, agentRuns, version, host } = report;
  const pktgen = `pktgen: 1 thread, start_xmit, burst 1, packets of ${packetSize} bytes; 1 queue, ring ${ring}. Stock: without IFF_BACKPRESSURE.`;
  const own: Readonly<Record<DocumentName, readonly string[]>> = {
    v7: [
      pktgen,
      'sample03: 1 flow, no timestamps, and burst 32 where the device takes it. Nothing is pinned.',
      readersText(report),
    ],
    v8: [pktgen, `Readers and vhost-net pinned to CPU ${pinnedTo}.`, readersText(report)],
    'zero-copy': [
      'Queue: 1, noqueue qdisc on the host. CPU not pinned. The messages end on the host: no NIC sends them.',
      'Below the macvtap is a dummy device, which discards them.',
    ],
    napi: [
      `Two guests of vhost-net with 1 queue each and a bridge between their taps; noqueue qdisc, ring ${ring}. CPU not pinned.`,
    ],
    multiqueue: multiqueueHeader(report.guests, ring, seconds),
    latency: [
      `TCP, ${PATH_FLOWS} flows of ${pathSeconds(seconds)} s, through a VPN that passes ${PATH_PACE} packets a second, with ring ${PATH_RING}.`,
      `Its path, by netem: ${PATH_DELAY_MS} ms each way and ${PATH_LOSS_PERCENT} % loss. Medians (least–most); times of waiting are averages.`,
    ],
  };
  return [
    `CPU: ${host.cpuModel}, ${cpus} online. Linux ${kernel}.`,
    slowdownText(host),
    ...own[name],
    `Medians of ${repeats} repeats of ${seconds} s, with the probes of tapscope ${version}${agentRuns ? ' and those of an agent on this host' : ''}.`,
  ];
}

/** By the kernel: a worker of vhost-net may run where its owner may not. */
function readersText({ results }: BenchReport): string {
  const found = [...new Set(results.flatMap(({ runs }) => runs.flatMap(({ readerCpus }) => readerCpus ?? [])))];
  return `Readers and vhost-net's workers may run on these CPUs, by the kernel: ${found.join(' or ') || 'unknown'}.`;
}

function sendResult(
  { results }: BenchReport,
  shape: PktgenShape,
  reader: SendCell['reader'],
  flow: FlowCase,
): CellResult | undefined {
  return results.find(
    ({ cell }) => cell.kind === 'send' && cell.shape === shape && cell.reader === reader && cell.flow === flow,
  );
}

function pktgenTable(name: 'v7' | 'v8', report: BenchReport, shape: PktgenShape = 'sample01'): readonly string[] {
  const columns = COLUMNS[name];
  const groups = READERS.map(([reader, title, below]) => {
    const figure = (flow: FlowCase, count: (run: Run) => number): string =>
      packetRate(sendResult(report, shape, reader, flow), count);
    return [
      [title, 'Transmitted', ...columns.map(([flow]) => figure(flow, ({ transmitted }) => transmitted))],
      [below, 'Lost', ...columns.map(([flow]) => figure(flow, ({ lost }) => lost))],
    ];
  });
  const title = shape === 'sample03' ? `sample03, burst ${burstsOf(report)}` : 'pktgen benchmarks';
  return boxed([title, '', ...columns.map(([, column]) => column)], groups);
}

function burstsOf({ results }: BenchReport): string {
  const runs = results.flatMap(({ cell, runs }) => (cell.kind === 'send' && cell.shape === 'sample03' ? runs : []));
  return [...new Set(runs.flatMap(({ burst }) => burst ?? []))].join(' and ') || 'not measured';
}

/** The thread shows `perf stat` of pktgen's threads and of vhost-net's worker; each figure is for one second. */
function perfTable(report: BenchReport): readonly string[] {
  const groups = READERS.flatMap(([reader, title, below]) =>
    (['sender', 'reader'] as const).map((side) => {
      const threads = side === 'sender' ? 'pktgen' : reader === 'tap' ? 'the reader' : 'vhost worker';
      return PERF_ROWS.map(([what, value, show], index) => [
        index === 0 ? `${title} ${below}`.trimEnd() : index === 1 ? threads : '',
        what,
        ...COLUMNS.v7.map(([flow]) => {
          const figure = ({ perf }: Run): number => (perf && value(perf[side], perf.seconds)) ?? Number.NaN;
          return cellText(sendResult(report, 'sample01', reader, flow), figure, (median) =>
            Number.isNaN(median) ? 'not on this machine' : show(median),
          );
        }),
      ]);
    }),
  );
  return boxed(['perf stat', '', ...COLUMNS.v7.map(([, title]) => title)], groups, 'group');
}

/** A group's first column has no lines in it, as in the mail. */
function boxed(
  header: readonly string[],
  groups: readonly (readonly (readonly string[])[])[],
  ruled: 'row' | 'group' = 'row',
): readonly string[] {
  const rows = [header, ...groups.flat()];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = '', ...rest] = widths.map((width) => '-'.repeat(width + 2));
  const edge = `+${[first, ...rest].join('+')}+`;
  const inner = `|${' '.repeat(first.length)}+${rest.join('+')}+`;
  return [
    edge,
    line(header),
    edge,
    ...groups.flatMap((group) => [
      ...group.flatMap((row, index) => (index === 0 || ruled === 'group' ? [line(row)] : [inner, line(row)])),
      edge,
    ]),
  ];
}

function latencyTable({ results }: BenchReport): readonly string[] {
  return pathTables(results, whatIsMissing).flatMap(({ header, rows }) => boxed(header, [rows], 'group'));
}

function zeroCopyTable({ results }: BenchReport): readonly string[] {
  const messages = results.flatMap(({ cell, ...result }) => (cell.kind === 'message' ? [{ cell, ...result }] : []));
  const devices = [undefined, ...(messages.some(({ cell }) => cell.device) ? (['macvtap'] as const) : [])];
  const wanted = devices.flatMap((device) => SIZES.map(([size, title]) => ({ device, size, title })));
  const rows = wanted.flatMap(({ device, size, title }) =>
    [true, false].map((zeroCopy) => {
      const result = messages.find(
        ({ cell }) => cell.device === device && cell.size === size && cell.zeroCopy === zeroCopy,
      );
      const bandwidth = cellText(result, ({ transmitted, seconds }) => (8e-6 * transmitted * size) / seconds, mbits);
      const worker = cellText(
        result,
        ({ workerSeconds, seconds }) => (100 * (workerSeconds ?? Number.NaN)) / seconds,
        percent,
      );
      return [
        `${title}${device ? ` ${device}` : ''}${zeroCopy ? '' : '(Orig)'}`,
        bandwidth,
        'needs QEMU',
        worker,
        'not counted',
      ];
    }),
  );
  const header = ['Message', 'BW(Mb/s)', 'qemu-kvm (NumCPU)', 'vhost-net(NumCPU)', 'PerfTop irq/s'];
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [header, ...rows].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The document has one line for a tun without the NAPI cache and one for a tun with it; a kernel is one of both. */
function napiLines({ results, host: { tunPaths } }: BenchReport): readonly string[] {
  const result = results.find(({ cell }) => cell.kind === 'pair');
  const size = result?.cell.kind === 'pair' ? result.cell.size : Number.NaN;
  const bitrate = cellText(result, ({ transmitted, seconds }) => (8e-9 * transmitted * size) / seconds, gbits);
  const shareOf = (part: (freed: FreedPackets) => number | undefined): string =>
    cellText(
      result,
      ({ freed }) => (freed ? (100 * (part(freed) ?? Number.NaN)) / freedTotal(freed) : Number.NaN),
      share,
    );
  return [
    `Bitrate, packets of ${size} bytes`,
    ...beforeAfter(bitrate, tunPaths),
    `Lost at the second tap: ${packetRate(result, ({ lost }) => lost)}`,
    `Freed on the CPU that allocated them: ${shareOf(({ there }) => there)}`,
    `Given back to the CPU that allocated them: ${shareOf(({ deferred }) => deferred)}`,
    ...tunPaths.map(({ name, reason }) => `${name}: ${reason}`),
  ];
}

function beforeAfter(bitrate: string, tunPaths: readonly TunPath[]): readonly string[] {
  const has = tunPaths.filter(({ present }) => present).map(({ name }) => name);
  if (has.length > 0) return [`Before: this kernel has the ${has.join(' and the ')} in tun`, `After : ${bitrate}`];
  if (tunPaths.length > 0 && tunPaths.every(({ present }) => present === false))
    return [`Before: ${bitrate}`, 'After : this kernel does not have the NAPI cache in tun'];
  return [`Before or after: ${bitrate}; the code of tun could not be read`];
}

function packetRate(result: CellResult | undefined, count: (run: Run) => number): string {
  return cellText(result, (run) => count(run) / run.seconds, kpps);
}

function kpps(perSecond: number): string {
  // A loss of a few packets must not read as none.
  if (perSecond === 0) return '0';
  return perSecond < 1000 ? `${perSecond.toFixed(1)} pps` : `${Math.round(perSecond / 1000)} Kpps`;
}

const gbits = (value: number): string => `${value.toFixed(2)} Gbits/sec`;
const share = (value: number): string => (Number.isNaN(value) ? 'not on this kernel' : `${value.toFixed(1)} %`);
const mbits = (value: number): string => value.toFixed(2);
const percent = (value: number): string => (Number.isNaN(value) ? 'no worker seen' : `${value.toFixed(1)}%`);

function cellText(
  result: CellResult | undefined,
  value: (run: Run) => number,
  show: (median: number) => string,
): string {
  if (result === undefined || result.missing !== null) return whatIsMissing(result?.missing ?? 'not measured');
  const wrong = result.runs.some(({ disagreements: found }) => found.length > 0);
  return `${show(spread(result.runs.map(value)).median)}${wrong ? ' !' : ''}`;
}

/** A cell has room for a few words; the reasons that everyone meets have them. */
function whatIsMissing(reason: string): string {
  if (reason.includes('IFF_BACKPRESSURE')) return 'this kernel has no IFF_BACKPRESSURE';
  if (reason.includes('modprobe pktgen')) return 'needs pktgen';
  const module = /: modprobe (bridge|macvtap|dummy)$/.exec(reason)?.[1];
  if (module) return `needs the ${module} module`;
  if (reason.includes('/dev/vhost-net') || reason.includes('vhost_net cannot be loaded')) return 'needs vhost_net';
  return reason;
}
