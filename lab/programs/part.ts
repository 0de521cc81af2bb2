// SPDX-License-Identifier: Apache-2.0
// A part of the result, kept in a file. Parts can run one after another or at the same time, each in its own network namespace.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResult } from './checks.ts';
import type { Result } from './diagnose-answer.ts';
import type { Program } from './program.ts';

const FOLDER = join(import.meta.dirname, '../../dist/programs');

export type PartName = 'table' | 'idle' | 'busy';
export const PARTS: readonly PartName[] = ['table', 'idle', 'busy'];

export interface TableRow {
  readonly program: string;
  readonly from: string;
  /** What of it cannot be asked, and why. */
  readonly cannot: NonNullable<Program['cannot']>;
  /** Why it did not run; undefined: it did. */
  readonly skipped?: string | undefined;
  readonly results: readonly CheckResult[];
}

/** The table, or the cases under one load. */
export interface Part {
  readonly rows: readonly TableRow[];
  readonly results: readonly Result[];
  /** How many loops computed beside it. */
  readonly loops: number;
  /** The machine's load average at its begin and end. */
  readonly loads: readonly number[];
  readonly minutes: number;
  readonly kernel: string;
  readonly date: string;
  readonly commit: string;
  /** What a reader has to know of this run; undefined: nothing. */
  readonly remark?: string;
}

export type Parts = Readonly<Partial<Record<PartName, Part>>>;

export function keepPart(name: PartName, part: Part): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}.json`), JSON.stringify(part));
}

/** undefined: it has not run here. */
export function keptPart(name: PartName): Part | undefined {
  const file = join(FOLDER, `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
