// SPDX-License-Identifier: Apache-2.0
// What the flags of `tapscope bench` mean.

import { BENCH_FORMATS, type BenchFormat, DOCUMENTS, type DocumentName } from '../src/commands/bench.ts';
import { LEAST_REPEATS } from './against.ts';
import type { Cell } from './bench-report.ts';
import { ALL_CELLS, chooseCells } from './cells.ts';
import type { GuestOptions } from './guests.ts';

export interface BenchFlags {
  readonly cells: readonly Cell[];
  /** The document whose layout is printed; undefined: the bench's own. */
  readonly table: DocumentName | undefined;
  readonly seconds: number;
  readonly repeats: number;
  readonly guests: GuestOptions;
  readonly format: BenchFormat;
  /** The file that the report is kept in. */
  readonly save: string | undefined;
  /** The file of an earlier report, which this one is compared with. */
  readonly against: string | undefined;
  /** The file whose figures are compared in place of measuring any. */
  readonly figures: string | undefined;
}

const LONGEST_S = 3600;
const MOST_REPEATS = 1000;
/** Of what is compared: among 900 figures, a clear difference still shows. */
const COMPARED_REPEATS = 10;

/** `values` as commander's opts() gives them. */
export function readBenchFlags(values: Readonly<Record<string, unknown>>): BenchFlags {
  const format = BENCH_FORMATS.find((one) => one === values.format);
  if (format === undefined)
    throw new Error(`--format=${values.format} is unknown; write one of: ${BENCH_FORMATS.join(', ')}.`);
  const table = readTable(values, format);
  const [save, against] = [fileOf(values.save), fileOf(values.against)];
  const usual = save === undefined && against === undefined ? usualRepeats(table) : COMPARED_REPEATS;
  return {
    // Files say themselves which cells they have.
    cells: chooseCells(
      values.only === undefined ? undefined : String(values.only),
      table,
      values.figures === undefined ? undefined : ALL_CELLS,
    ),
    table,
    seconds: readNumber('--seconds', values.seconds, /^\d+(\.\d+)?$/, [0.1, LONGEST_S]),
    repeats: comparable(readNumber('--repeats', values.repeats ?? usual, /^\d+$/, [1, MOST_REPEATS]), against),
    guests: {
      kernel: values.guestKernel === undefined ? undefined : String(values.guestKernel),
      vhost: readVhost(values.guestVhost),
    },
    format: against === undefined ? format : besideFigures(format),
    save,
    against,
    figures: keptFigures(fileOf(values.figures), save, against),
  };
}

function fileOf(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

function keptFigures(
  figures: string | undefined,
  save: string | undefined,
  against: string | undefined,
): string | undefined {
  if (figures === undefined) return undefined;
  if (against === undefined)
    throw new Error('--figures is compared with another file: add --against and the file of the earlier figures.');
  if (save !== undefined) throw new Error('--figures measures nothing that --save could keep: leave one of them out.');
  return figures;
}

function comparable(repeats: number, against: string | undefined): number {
  if (against === undefined || repeats >= LEAST_REPEATS) return repeats;
  throw new Error(`--repeats=${repeats} is too few for --against, which judges ${LEAST_REPEATS} or more of each cell.`);
}

function besideFigures(format: BenchFormat): BenchFormat {
  if (format !== 'csv') return format;
  throw new Error('--against has no csv, which is one table: --format is text, markdown or json.');
}

/** 336 cells, each of which sets up and ends TCP connections. */
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
