// SPDX-License-Identifier: Apache-2.0
// A bench's report as tables: rows of words, in the layout of the kernel series (transmitted and lost, one column a kind of flow control).
import {
  type CellResult,
  FLOWS,
  perSecond,
  type Run,
  type SendCell,
  type Spread,
  type StreamCell,
  type StreamRun,
  spread,
} from '../bench-report.ts';
import { queuesText } from './multiqueue-table.ts';
import { pathTables } from './path-table.ts';
import type { Table } from './table.ts';

type Result<C> = CellResult & { readonly cell: C };

const FLOW_CONTROL = {
  'tail-drop': 'tail-drop',
  backpressure: 'backpressure + fq_codel',
  'no-qdisc': 'no qdisc',
  'through-qdisc': 'through fq_codel',
} as const;

const READER_NAMES = { tap: 'TAP', vhost: 'TAP+vhost-net' } as const;
const NOTHING = '–';

/** The reasons why cells are missing get numbers, which the cells show. */
export function benchTables(results: readonly CellResult[]): { tables: readonly Table[]; reasons: readonly string[] } {
  const reasons = [...new Set(results.flatMap(({ missing }) => missing ?? []))];
  const sends = results.filter((result): result is Result<SendCell> => result.cell.kind === 'send');
  const tables = [
    ...sendTables(sends, reasons),
    ...messageTables(results, reasons),
    ...pairTables(results, reasons),
    ...streamTables(results, reasons),
    ...pathTables(results, (reason) => `[${reasons.indexOf(reason) + 1}]`),
  ];
  return { tables, reasons: reasons.map((reason, index) => `[${index + 1}] not on this host: ${reason}`) };
}

function sendTables(results: readonly Result<SendCell>[], reasons: readonly string[]): readonly Table[] {
  if (results.length === 0) return [];
  const flows = FLOWS.filter((flow) => results.some(({ cell }) => cell.flow === flow));
  const through = flows.includes('through-qdisc');
  const names = [...new Set(results.map(({ cell }) => rowName(cell)))];
  const rows = names.flatMap((name) => {
    const group = results.filter(({ cell }) => rowName(cell) === name);
    const line = (what: string, count: (run: Run) => number, shown = flows): readonly string[] => [
      ...name.split('|'),
      what,
      ...flows.map((flow) =>
        show(
          group.find(({ cell }) => cell.flow === flow && shown.includes(flow)),
          count,
          reasons,
        ),
      ),
    ];
    return [
      line('transmitted', ({ transmitted }) => transmitted),
      line('lost', ({ lost }) => lost),
      // Packets that pktgen gives to the device directly pass no qdisc.
      ...(through ? [line('dropped before tun', ({ droppedBefore }) => droppedBefore, ['through-qdisc'])] : []),
    ];
  });
  const header = ['reader', 'threads', 'queues', 'CPU', 'packets a second', ...flows.map((flow) => FLOW_CONTROL[flow])];
  return [{ title: 'Packets towards the guest or reader', header, rows }];
}

function rowName({ reader, threads, queues, pinned, apart, shape }: SendCell): string {
  return [
    `${READER_NAMES[reader]}${shape === 'sample03' ? ', sample03' : ''}`,
    threads,
    queues,
    apart ? 'apart' : pinned ? 'pinned' : 'free',
  ].join('|');
}

function messageTables(results: readonly CellResult[], reasons: readonly string[]): readonly Table[] {
  const sizes = new Map<string, { off?: CellResult; on?: CellResult }>();
  for (const result of results) {
    const { cell } = result;
    if (cell.kind !== 'message') continue;
    const row = `${cell.size}${cell.device ? `, ${cell.device}` : ''}`;
    sizes.set(row, { ...sizes.get(row), [cell.zeroCopy ? 'on' : 'off']: result });
  }
  if (sizes.size === 0) return [];
  const rows = [...sizes].map(([size, { off, on }]) => [
    size,
    show(off, ({ transmitted }) => transmitted, reasons),
    show(on, ({ transmitted }) => transmitted, reasons),
    show(on, ({ uncopied }) => uncopied, reasons),
    workerTime(off),
    workerTime(on),
  ]);
  const header = [
    'bytes',
    'copied',
    'zero-copy on',
    'of these uncopied',
    'vhost-net µs a message, copied',
    'zero-copy on',
  ];
  return [{ title: 'Messages a second from the guest, by vhost-net', header, rows }];
}

function pairTables(results: readonly CellResult[], reasons: readonly string[]): readonly Table[] {
  const rows = results.flatMap((result) =>
    result.cell.kind === 'pair'
      ? [
          [
            String(result.cell.size),
            show(result, ({ transmitted }) => transmitted, reasons),
            show(result, ({ lost }) => lost, reasons),
            show(result, ({ freed }) => freed?.there ?? Number.NaN, reasons),
            show(result, ({ freed }) => freed?.deferred ?? Number.NaN, reasons),
          ],
        ]
      : [],
  );
  if (rows.length === 0) return [];
  const header = ['bytes', 'received', 'lost', 'freed on the CPU that allocated them', 'given back to it'];
  return [{ title: 'Packets a second from guest to guest, by vhost-net and a bridge', header, rows }];
}

function streamTables(results: readonly CellResult[], reasons: readonly string[]): readonly Table[] {
  const streams = results.filter((result): result is Result<StreamCell> => result.cell.kind === 'stream');
  if (streams.length === 0) return [];
  const rows = streams.map((result) => [
    result.cell.direction,
    String(result.cell.size ?? 'default'),
    String(result.cell.sessions),
    String(result.cell.queues),
    String(result.cell.cpus),
    showFigure(result, (stream) => stream.bitsPerSecond / 1e6, reasons),
    showFigure(result, (stream) => 100 * stream.hostCpu, reasons),
    queuesText(result.runs) || NOTHING,
  ]);
  const header = [
    'direction',
    'message',
    'sessions',
    'queues',
    'CPUs',
    'Mbit/s',
    'CPU of the host, %',
    'packets for each queue',
  ];
  return [{ title: 'TCP streams of guests in QEMU', header, rows }];
}

/** A count, per second. */
function show(result: CellResult | undefined, count: (run: Run) => number, reasons: readonly string[]): string {
  return showRuns(result, (runs) => perSecond(runs, count), reasons);
}

/** A figure of streams that is a rate or a share already. */
function showFigure(result: CellResult, figure: (stream: StreamRun) => number, reasons: readonly string[]): string {
  return showRuns(result, (runs) => spread(runs.flatMap(({ stream }) => (stream ? [figure(stream)] : []))), reasons);
}

function showRuns(
  result: CellResult | undefined,
  spreadOf: (runs: readonly Run[]) => Spread,
  reasons: readonly string[],
): string {
  if (!result) return NOTHING;
  if (result.missing !== null) return `[${reasons.indexOf(result.missing) + 1}]`;
  const mark = result.runs.some(({ disagreements }) => disagreements.length > 0) ? ' !' : '';
  return `${showSpread(spreadOf(result.runs))}${mark}`;
}

function workerTime(result: CellResult | undefined): string {
  const costs = (result?.runs ?? []).flatMap(({ workerSeconds, transmitted }) =>
    workerSeconds === undefined ? [] : [(1e6 * workerSeconds) / transmitted],
  );
  const [middle] = costs.sort((a, b) => a - b).slice(Math.floor(costs.length / 2));
  return middle === undefined ? NOTHING : middle.toFixed(1);
}

/** 64 120 (58 000–98 906); without a spread where there is none. */
export function showSpread({ median, least, most }: Spread): string {
  if (Number.isNaN(median)) return NOTHING;
  const [middle, from, to] = [median, least, most].map(thousands);
  return from === to ? `${middle}` : `${middle} (${from}–${to})`;
}

/** toLocaleString() costs a fifth of a start: it looks for all locales. */
function thousands(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}
