// SPDX-License-Identifier: Apache-2.0
// A metric and its series as a format writes them.
import type { Chunks } from './chunks.ts';

/** A family without series is left out. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** It is written in so many parts, of few series each; other work runs between some of them. */
  readonly parts: number;
  readonly writer: (chunks: Chunks) => (part: number) => void;
  /** The origin of a part's series: with the same two objects they are the same. undefined: unknown. */
  readonly origin?: (part: number) => Origin | undefined;
}

export interface Origin {
  readonly owner: object;
  readonly value: object;
}

/** What stands around the series of families. */
export interface Framing {
  /** Before the series of a family, which take so many bytes. */
  readonly begin: (
    chunks: Chunks,
    family: Pick<Family, 'name' | 'help' | 'type'>,
    bytes: number,
    isFirst: boolean,
  ) => void;
  readonly end: (chunks: Chunks) => void;
}
