// SPDX-License-Identifier: Apache-2.0
// What our own programs missed or could not count where it belongs.
import { Globals } from '../kernel/globals.ts';
import { MARKED_SECONDS } from '../snapshot/device.ts';
import type { LostEvents, ProbeState } from '../snapshot/snapshot.ts';
import type { Probes } from './attach.ts';
import type { LoadedPrograms } from './programs.ts';

/** Variables lost_… of the BPF object. */
const LOST = [
  'no_row',
  'ending_device',
  'reason',
  'histogram',
  'before',
  'no_device',
  'event',
  'receive',
  'redirect',
  'macvtap',
  'ended',
] as const;

/** What this event missed the kernel's own counters add (E1 and E3 of docs/accounting.md): only the split between queues lacks it. */
const COMPLETED = 'transmit';

const HIDING =
  'this is a PREEMPT_RT kernel without CONFIG_PREEMPT_RT_NEEDS_BH_LOCK: a packet that preempts another on its CPU may hide it';

/** Marks all queues until MARKED_SECONDS after the last run at the transmit function that the kernel skipped. */
export class SkippedTransmits {
  #known = { runs: 0, at: Number.NEGATIVE_INFINITY };

  sentences(probes: readonly ProbeState[], nowSeconds: number): readonly string[] {
    const runs = missedRuns(probes, (event) => event === COMPLETED);
    if (runs !== this.#known.runs) this.#known = { runs, at: nowSeconds };
    const ago = nowSeconds - this.#known.at;
    return runs > 0 && ago < MARKED_SECONDS ? [`${skipped(runs)}, the last ${Math.round(ago)} s ago`] : [];
  }
}

export class ProbeLosses {
  readonly #globals: Globals<`lost_${(typeof LOST)[number]}`>;
  readonly #preempts: boolean;
  readonly #transmits = new SkippedTransmits();
  #events: readonly LostEvents[] = LOST.map((cause) => ({ cause, events: 0 }));

  constructor({ object, preempts }: Pick<LoadedPrograms, 'object' | 'preempts'>) {
    this.#globals = new Globals(
      object,
      LOST.map((cause) => `lost_${cause}` as const),
    );
    this.#preempts = preempts;
  }

  /** The same object until one of them grows. */
  events(): readonly LostEvents[] {
    const isSame = LOST.every((cause, index) => this.#events[index]?.events === this.#globals.u64(`lost_${cause}`));
    if (!isSame) this.#events = LOST.map((cause) => ({ cause, events: this.#globals.u64(`lost_${cause}`) }));
    return this.#events;
  }

  /** What the probes themselves missed may have been any queue's. */
  sentences(
    probes: readonly ProbeState[],
    { can, isBesideAccounts }: Pick<Probes, 'can' | 'isBesideAccounts'>,
    nowSeconds: number,
  ): readonly string[] {
    // Known at its exit as the packet that entered last on its CPU.
    const byCpu = can('offers') && !can('entry-only');
    const rowless = this.#globals.u64('lost_no_row');
    return [
      ...(this.#preempts && byCpu ? [HIDING] : []),
      ...(rowless > 0 ? [`${rowless} packets of some queues found no free row of counters`] : []),
      // Where E1 tells what was taken, a program that did not see a packet leave has missed nothing of the accounts.
      ...missedOfAccounts(
        probes.filter(({ event }) => event !== 'consumed' || can('dequeues')),
        isBesideAccounts,
      ),
      ...this.#transmits.sentences(probes, nowSeconds),
    ];
  }
}

export function missedOfAccounts(
  probes: readonly ProbeState[],
  isBesideAccounts: Probes['isBesideAccounts'],
): readonly string[] {
  return missedBy(probes, (event) => !isBesideAccounts(event) && event !== COMPLETED);
}

/** May have been any macvtap's or ipvtap's: its packets are counted when they are read, and never again. */
export function missedReads(probes: readonly ProbeState[]): readonly string[] {
  return missedBy(probes, (event) => event === 'macvtap-reads');
}

function missedBy(probes: readonly ProbeState[], isMeant: (event: string) => boolean): readonly string[] {
  const missed = missedRuns(probes, isMeant);
  return missed > 0 ? [skipped(missed)] : [];
}

function missedRuns(probes: readonly ProbeState[], isMeant: (event: string) => boolean): number {
  return probes.reduce((sum, probe) => (isMeant(probe.event) ? sum + probe.missed : sum), 0);
}

function skipped(runs: number): string {
  return `the kernel skipped ${runs} runs of our probes`;
}
