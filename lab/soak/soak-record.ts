// SPDX-License-Identifier: Apache-2.0
// What a long run writes down as it goes, a line of JSON each: what is there when it is cut off is a record all the same.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseJson } from '../../test/host/checked-json.ts';

/** `s`: seconds since the run began. */
export type Entry =
  | {
      readonly kind: 'begin';
      readonly hours: number;
      readonly seed: number;
      readonly kernel: string;
      readonly at: string;
    }
  | { readonly kind: 'sample'; readonly s: number; readonly figures: Readonly<Record<string, number>> }
  | {
      readonly kind: 'fault';
      readonly began: number;
      readonly s: number;
      readonly name: string;
      /** Packets by which a figure was off that was not marked. */
      readonly wrong: number;
      readonly isMarked: boolean;
      readonly failure?: string | undefined;
    }
  /** Devices of a namespace that came and went; their figures were compared before they went. */
  | {
      readonly kind: 'life';
      readonly s: number;
      readonly taps: number;
      readonly sent: number;
      readonly lost: number;
      readonly wrong: number;
      readonly marked: number;
      /** Taps of which no page came in time; absent: none. */
      readonly unanswered?: number;
      /** What is wrong or marked, for each tap where something is. */
      readonly details?: readonly string[];
    }
  /** A scrape, or a command; `failure`: it was not answered as it should be. */
  | {
      readonly kind: 'asked';
      readonly began: number;
      readonly s: number;
      readonly what: string;
      readonly failure?: string | undefined;
    }
  | { readonly kind: 'end'; readonly s: number; readonly left: readonly string[]; readonly stacks: number };

export type OfKind<Kind extends Entry['kind']> = Extract<Entry, { readonly kind: Kind }>;

export class SoakRecord {
  readonly file: string;
  readonly #began = performance.now();

  constructor(file: string) {
    this.file = file;
    mkdirSync(dirname(file), { recursive: true });
  }

  /** Seconds since it began. */
  get now(): number {
    return (performance.now() - this.#began) / 1000;
  }

  add(entry: Entry): void {
    appendFileSync(this.file, `${JSON.stringify(entry)}\n`);
  }
}

/** A last line that was cut off is left out. */
export function readRecord(file: string): readonly Entry[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => parseJson(line)).filter(isEntry);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

export function ofKind<Kind extends Entry['kind']>(entries: readonly Entry[], kind: Kind): readonly OfKind<Kind>[] {
  return entries.filter((entry): entry is OfKind<Kind> => entry.kind === kind);
}
