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
  type TunPath,
} from '../bench-report.ts';
import { PATH_DELAY_MS, PATH_FLOWS, PATH_LOSS_PERCENT, PATH_PACE, PATH_RING, pathSeconds } from '../path.ts';
import { APART_FROM_SENDER } from '../tap.ts';
import { verdict } from './bench-text.ts';
import { boxed } from './boxed.ts';
import { cellText, READERS, STOCK_AND_PATCHED, sendResult, whatIsMissing } from './cell-text.ts';
import { slowdownText } from './host-text.ts';
import { multiqueueHeader, multiqueueTable } from './multiqueue-table.ts';
import { pathTables } from './path-table.ts';
import { perfTable } from './perf-table.ts';
import { profileTable } from './profile-table.ts';
import { wakeTables } from './wake-table.ts';
import { zeroCopyTable } from './zero-copy-table.ts';

const COLUMNS: Readonly<Record<'v7' | 'v8', readonly (readonly [FlowCase, string])[]>> = {
  v7: STOCK_AND_PATCHED,
  v8: [
    ['tail-drop', 'Stock'],
    ['no-qdisc', 'Patched with noqueue qdisc'],
    ['backpressure', 'Patched with fq_codel qdisc'],
  ],
};

export function renderDocument(name: DocumentName, report: BenchReport): string {
  const body = tableOf(name, report);
  return [verdict(report), '', ...header(name, report), '', ...body, ...disagreements(report), ''].join('\n');
}

function tableOf(name: DocumentName, report: BenchReport): readonly string[] {
  if (name === 'zero-copy') return zeroCopyTable(report);
  if (name === 'napi') return napiLines(report);
  if (name === 'multiqueue') return multiqueueTable(report.results);
  if (name === 'latency') return latencyTable(report);
  if (name === 'profile') return profileTable(report);
  if (name === 'wake') return wakeTables(report);
  if (name === 'v8') return pktgenTable(name, report);
  return [
    ...pktgenTable(name, report),
    '',
    ...pinnedTable(report),
    '',
    ...pktgenTable(name, report, 'sample03'),
    '',
    ...perfTable(report),
  ];
}

function header(name: DocumentName, report: BenchReport): readonly string[] {
  const { kernel, cpus, seconds, repeats, packetSize, ring, pinnedTo, agentRuns, version, host } = report;
  const pktgen = `pktgen: 1 thread, start_xmit, burst 1, packets of ${packetSize} bytes; 1 queue, ring ${ring}. Stock: without IFF_BACKPRESSURE.`;
  const own: Readonly<Record<DocumentName, readonly string[]>> = {
    v7: [
      pktgen,
      'sample03: 1 flow, no timestamps, and burst 32 where the device takes it. Nothing is pinned where the table does not say so.',
      readersText(report, false),
      'perf stat: rates are for a second of task-clock. (n%): the event had a counter for that share of its time, and is scaled.',
    ],
    v8: [pktgen, `Readers and vhost-net pinned to CPU ${pinnedTo}.`, readersText(report, true)],
    profile: [
      pktgen,
      'Sampled 997 times a second of their CPU time, while pktgen sent; shares of all repeats together. Nothing is pinned.',
      readersText(report, false),
      'cpu-clock, in place of cycles: what a function does with interrupts held off is counted for the one that lets them in again.',
    ],
    wake: [
      pktgen,
      `Reader or vhost-net pinned to CPU ${pinnedTo}, where pktgen's thread is, or to CPU ${APART_FROM_SENDER}.`,
      'IPIs and TX softirqs: of the whole host, by /proc/interrupts and /proc/softirqs. Stock has those that come without a wake.',
      'Through fq_codel: pktgen hands its packets to the qdisc, which the TX softirq sends when the queue was woken.',
    ],
    'zero-copy': [
      'Queue: 1, noqueue qdisc on the host. CPU not pinned. The messages end on the host: no NIC sends them.',
      'Below the macvtap is a dummy device, which discards them.',
      "qemu-kvm: the thread that plays QEMU and the guest, with the same messages again. irq/s: all interrupts of all CPUs, timers too; the mail's are those that perf top samples by.",
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
function readersText({ results }: BenchReport, pinned: boolean): string {
  const runs = results.flatMap(({ cell, runs }) => (cell.kind === 'send' && cell.pinned === pinned ? runs : []));
  const found = [...new Set(runs.flatMap(({ readerCpus }) => readerCpus ?? []))];
  return `Readers and vhost-net's workers may run on these CPUs, by the kernel: ${found.join(' or ') || 'unknown'}.`;
}

function pktgenTable(name: 'v7' | 'v8', report: BenchReport, shape: PktgenShape = 'sample01'): readonly string[] {
  const columns = COLUMNS[name];
  const groups = READERS.map(([reader, title, below]) => {
    const figure = (flow: FlowCase, count: (run: Run) => number): string =>
      packetRate(sendResult(report, { shape, reader, flow, pinned: name === 'v8' }), count);
    return [
      [title, 'Transmitted', ...columns.map(([flow]) => figure(flow, ({ transmitted }) => transmitted))],
      [below, 'Lost', ...columns.map(([flow]) => figure(flow, ({ lost }) => lost))],
    ];
  });
  const title = shape === 'sample03' ? `sample03, burst ${burstsOf(report)}` : 'pktgen benchmarks';
  return boxed([title, '', ...columns.map(([, column]) => column)], groups);
}

/** The thread has these of vhost-net only, with the packets of each thread. */
function pinnedTable(report: BenchReport): readonly string[] {
  const groups = [1, 4].map((threads) => {
    const line = (count: (run: Run) => number): readonly string[] =>
      STOCK_AND_PATCHED.map(([flow]) =>
        packetRate(sendResult(report, { reader: 'vhost', flow, threads, pinned: true }), (run) => count(run) / threads),
      );
    return [
      ['TAP', 'Transmitted', ...line(({ transmitted }) => transmitted)],
      ['+ vhost-net', 'Lost', ...line(({ lost }) => lost)],
      [threads === 1 ? '1 thread' : `${threads} threads, each`, '', '', ''],
    ];
  });
  const title = `vhost pinned to CPU ${report.pinnedTo}`;
  return boxed([title, '', ...STOCK_AND_PATCHED.map(([, column]) => column)], groups, 'group');
}

function burstsOf({ results }: BenchReport): string {
  const runs = results.flatMap(({ cell, runs }) => (cell.kind === 'send' && cell.shape === 'sample03' ? runs : []));
  return [...new Set(runs.flatMap(({ burst }) => burst ?? []))].join(' and ') || 'not measured';
}

function latencyTable({ results }: BenchReport): readonly string[] {
  return pathTables(results, whatIsMissing).flatMap(({ header, rows }) => boxed(header, [rows], 'group'));
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
