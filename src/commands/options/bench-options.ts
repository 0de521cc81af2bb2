// SPDX-License-Identifier: Apache-2.0
// The flags of `tapscope bench` and what they mean.
import { chooseCells } from '../../bench/cells.ts';
import type { GuestOptions } from '../../bench/guests.ts';
import { type Cell, DOCUMENTS, type DocumentName } from '../../bench-report.ts';
import { BENCH_FORMATS, type BenchFormat } from '../../outputs/bench-text.ts';
import type { Flag } from './serve-options.ts';

export interface BenchFlags {
  readonly cells: readonly Cell[];
  /** The document whose layout is printed; undefined: the bench's own. */
  readonly table: DocumentName | undefined;
  readonly seconds: number;
  readonly repeats: number;
  readonly guests: GuestOptions;
  readonly format: BenchFormat;
}

const LONGEST_S = 3600;
const MOST_REPEATS = 1000;

export const benchFlags: readonly Flag[] = [
  { flags: '--seconds <seconds>', description: 'how long each repeat of each cell sends', fallback: '2' },
  {
    flags: '--repeats <count>',
    description: 'of each cell, interleaved; shown are medians (default: 3, with --table multiqueue 1)',
    fallback: undefined,
  },
  {
    flags: '--only <regexp>',
    description:
      "cells whose name it finds: '^tap/', 'threads=1/queues=1/free', 'tail-drop', '^zero-copy/'; the JSON names all",
    fallback: undefined,
  },
  {
    flags: '--table <document>',
    description: `the table of one document in its own layout: ${DOCUMENTS.join(', ')}; --only leaves out some of its cells`,
    fallback: undefined,
  },
  {
    flags: '--guest-kernel <file>',
    description: 'of the guests in QEMU, with its modules in lib/modules beside it (default: of this host, in /boot)',
    fallback: undefined,
  },
  {
    flags: '--guest-vhost <on|off>',
    description: 'vhost-net for the guests in QEMU (default: on, where the host has it)',
    fallback: undefined,
  },
  { flags: '--format <format>', description: BENCH_FORMATS.join(', '), fallback: 'text' },
];

export const BENCH_HELP = `pktgen (modprobe pktgen) sends to taps, which a program reads or vhost-net hands to a guest, while the queue drops
(tail-drop), stops (backpressure + fq_codel), has no qdisc, or is reached through the qdisc. A guest sends messages,
copied by vhost-net or not, to the host, or through a bridge (modprobe bridge) to another guest. The counts are tapscope's, held against those of pktgen, tc -s, readers and guests.

--table multiqueue starts guests in QEMU (packages qemu-system-x86, iperf3, busybox, linux-image) and streams TCP by
iperf3: 96 cells of --seconds each, about 7 minutes with 2 s. Their names for --only are those of
stream/guest-to-host/size=512/sessions=1/queues=4, with host-to-guest, both, guest-to-guest, and size=default.

Makes its devices in a network namespace of its own, which ends with it. For zero-copy/ cells it loads vhost_net anew,
if it is not in use, and afterwards as it was. Keeps CPUs busy.`;

/** `values` as commander's opts() gives them. */
export function readBenchFlags(values: Readonly<Record<string, unknown>>): BenchFlags {
  const format = BENCH_FORMATS.find((one) => one === values.format);
  if (format === undefined)
    throw new Error(`--format=${values.format} is unknown; write one of: ${BENCH_FORMATS.join(', ')}.`);
  const table = readTable(values, format);
  return {
    cells: chooseCells(values.only === undefined ? undefined : String(values.only), table),
    table,
    seconds: readNumber('--seconds', values.seconds, /^\d+(\.\d+)?$/, [0.1, LONGEST_S]),
    repeats: readNumber('--repeats', values.repeats ?? usualRepeats(table), /^\d+$/, [1, MOST_REPEATS]),
    guests: {
      kernel: values.guestKernel === undefined ? undefined : String(values.guestKernel),
      vhost: readVhost(values.guestVhost),
    },
    format,
  };
}

/** 96 cells, each of which sets up and ends TCP connections. */
function usualRepeats(table: DocumentName | undefined): number {
  return table === 'multiqueue' ? 1 : 3;
}

function readVhost(value: unknown): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === 'on' || value === 'off') return value === 'on';
  throw new Error(`--guest-vhost=${value} is unknown; write on or off.`);
}

function readTable({ table }: Readonly<Record<string, unknown>>, format: BenchFormat): DocumentName | undefined {
  if (table === undefined) return undefined;
  const found = DOCUMENTS.find((one) => one === table);
  if (found === undefined) throw new Error(`--table=${table} is unknown; write one of: ${DOCUMENTS.join(', ')}.`);
  if (format === 'markdown' || format === 'csv')
    throw new Error(`--table=${table} has the layout of its document: --format is text or json.`);
  return found;
}

function readNumber(flag: string, value: unknown, form: RegExp, [least, most]: readonly [number, number]): number {
  const number = form.test(String(value)) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`${flag}=${value} is out of range: write a number from ${least} to ${most}.`);
}
