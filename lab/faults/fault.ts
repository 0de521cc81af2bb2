// SPDX-License-Identifier: Apache-2.0
// One fault, and what playing it showed.
import type { FaultHost, StartOptions } from './fault-host.ts';

export interface Fault {
  readonly name: string;
  /** How the agent is started for it. */
  readonly start?: (host: FaultHost) => StartOptions;
  /** What one round does. It throws where the agent does not do what it must. */
  play(host: FaultHost): Promise<void>;
  /** What its agents must have said by their end. */
  readonly says?: RegExp;
  /** Each round has an agent of its own: one whose serving process ends often starts it with pauses. */
  readonly isFresh?: true;
  /** The agent measures with other programs after it: those are no leak. */
  readonly changesLevel?: true;
  /** Undoes what all rounds made. */
  after?(host: FaultHost): Promise<void>;
}

export interface Round {
  /** Packets by which a figure was off that was not marked. */
  readonly wrong: number;
  readonly isMarked: boolean;
  /** What was left behind, each in a short word or two. */
  readonly left: readonly string[];
  /** The time from the fault's end to right figures. */
  readonly recoveryMs: number;
  /** What went wrong otherwise; undefined: nothing. */
  readonly failure: string | undefined;
}

export interface Played {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Bytes of memory by which an agent that lived through the rounds grew after the first of them. */
  readonly grown: number | undefined;
}

export function isGood({ rounds }: Played): boolean {
  return rounds.every(({ wrong, left, failure }) => wrong === 0 && left.length === 0 && failure === undefined);
}
