// SPDX-License-Identifier: Apache-2.0
// A bench's report in the layout of the mail whose table it repeats: rows, columns and their order are the mail's.
import {
  type BenchHost,
  type BenchReport,
  type CellResult,
  type DocumentName,
  disagreements,
  type FlowCase,
  type Run,
  spread,
} from '../bench-report.ts';
import { verdict } from './bench-text.ts';

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

const SIZES = [
  [4096, '4K'],
  [8192, '8K'],
  [16_384, '16K'],
  [65_000, '64K'],
] as const;

export function renderDocument(name: DocumentName, report: BenchReport, host: BenchHost): string {
  const body = name === 'zero-copy' ? zeroCopyTable(report) : pktgenTable(name, report);
  return [verdict(report), '', ...header(name, report, host), '', ...body, ...disagreements(report), ''].join('\n');
}

function header(name: DocumentName, report: BenchReport, host: BenchHost): readonly string[] {
  const { kernel, cpus, seconds, repeats, packetSize, ring, pinnedTo, agentRuns, version } = report;
  const { cpuModel, srso = 'the kernel does not say', mitigated, hardenedUsercopy } = host;
  const usercopy = hardenedUsercopy === undefined ? 'unknown' : hardenedUsercopy ? 'on' : 'off';
  const own =
    name === 'zero-copy'
      ? ['Queue: 1, noqueue qdisc on the host. CPU not pinned. The messages end on the host: no NIC sends them.']
      : [
          `pktgen: 1 thread, start_xmit, burst 1, packets of ${packetSize} bytes; 1 queue, ring ${ring}. Stock: without IFF_BACKPRESSURE.`,
          name === 'v7' ? 'CPU not pinned.' : `Readers and vhost-net pinned to CPU ${pinnedTo}.`,
        ];
  return [
    `CPU: ${cpuModel}, ${cpus} online. Linux ${kernel}.`,
    `SRSO: ${srso}. Mitigated: ${mitigated.join(', ') || 'nothing'}. Hardened usercopy: ${usercopy}.`,
    ...own,
    `Medians of ${repeats} repeats of ${seconds} s, with the probes of tapscope ${version}${agentRuns ? ' and those of an agent on this host' : ''}.`,
  ];
}

function pktgenTable(name: 'v7' | 'v8', report: BenchReport): readonly string[] {
  const columns = COLUMNS[name];
  const groups = READERS.map(([reader, title, below]) => {
    const figure = (flow: FlowCase, count: (run: Run) => number): string =>
      packetRate(
        report.results.find(({ cell }) => cell.kind === 'send' && cell.reader === reader && cell.flow === flow),
        count,
      );
    return [
      [title, 'Transmitted', ...columns.map(([flow]) => figure(flow, ({ transmitted }) => transmitted))],
      [below, 'Lost', ...columns.map(([flow]) => figure(flow, ({ lost }) => lost))],
    ];
  });
  return boxed(['pktgen benchmarks', '', ...columns.map(([, title]) => title)], groups);
}

/** A group's first column has no lines in it, as in the mail. */
function boxed(header: readonly string[], groups: readonly (readonly (readonly string[])[])[]): readonly string[] {
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
      ...group.flatMap((row, index) => (index === 0 ? [line(row)] : [inner, line(row)])),
      edge,
    ]),
  ];
}

function zeroCopyTable({ results }: BenchReport): readonly string[] {
  const rows = SIZES.flatMap(([size, title]) =>
    [true, false].map((zeroCopy) => {
      const result = results.find(
        ({ cell }) => cell.kind === 'message' && cell.size === size && cell.zeroCopy === zeroCopy,
      );
      const bandwidth = cellText(result, ({ transmitted, seconds }) => (8e-6 * transmitted * size) / seconds, mbits);
      const worker = cellText(
        result,
        ({ workerSeconds, seconds }) => (100 * (workerSeconds ?? Number.NaN)) / seconds,
        percent,
      );
      return [zeroCopy ? title : `${title}(Orig)`, bandwidth, 'needs QEMU', worker, 'not counted'];
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

function packetRate(result: CellResult | undefined, count: (run: Run) => number): string {
  return cellText(result, (run) => count(run) / run.seconds, kpps);
}

function kpps(perSecond: number): string {
  // A loss of a few packets must not read as none.
  if (perSecond === 0) return '0';
  return perSecond < 1000 ? `${perSecond.toFixed(1)} pps` : `${Math.round(perSecond / 1000)} Kpps`;
}

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
  if (reason.includes('/dev/vhost-net') || reason.includes('vhost_net cannot be loaded')) return 'needs vhost_net';
  return reason;
}
