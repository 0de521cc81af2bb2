// SPDX-License-Identifier: Apache-2.0
// What the flags of `tapscope bench` mean.

import { BENCH_FORMATS, type BenchFormat, DOCUMENTS, type DocumentName } from '../src/commands/bench.ts';
import type { Cell } from './bench-report.ts';
import { chooseCells } from './cells.ts';
import type { GuestOptions } from './guests.ts';

interface BenchFlags {
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
