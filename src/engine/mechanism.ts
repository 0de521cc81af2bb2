// SPDX-License-Identifier: Apache-2.0
// What can measure a logical event.
import type { Host } from '../kernel/host.ts';
import type { Unavailable } from './unavailable.ts';

export interface Mechanism {
  readonly name: string;
  /**
   * What it makes known, in a word such as `drops`: others ask for that (`probes.can('drops')`) and never for its name, so that a new mechanism
   * changes nothing elsewhere. Absent: nothing that others ask for.
   */
  readonly provides?: readonly string[];
  /** BPF programs that it loads and attaches, all or none; empty: it needs none. */
  readonly programs: readonly string[];
  /** Earlier choices without which it would mean nothing: EVENT=MECHANISM, MECHANISM|MECHANISM, or EVENT= for any. */
  readonly needs: readonly string[];
  /** Used only where --mechanism asks for it: it costs more than most hosts would give for it. */
  readonly onDemand?: boolean;
  /** Keeps the module of the functions that it traces from being unloaded. */
  readonly pins?: boolean;
  /** The difference to the better mechanisms; undefined for the best. */
  readonly tradeoff: string | undefined;
  /** inexact: some figures may be wrong with it; none: nothing costs more and nothing is missing. Absent: one of these, and the rest is exact. */
  readonly effect?: 'inexact' | 'none';
  /** Why this host cannot have it; undefined: it may be tried. */
  readonly unavailable: (host: Host) => Unavailable | undefined;
}

/**
 * exact: everything that the host allows; rest: no program where packets enter or leave a ring, because all is well, but for the one that
 * tells several queues apart; lean: nothing on the enqueue path, because the budget was passed.
 */
export type Level = 'exact' | 'rest' | 'lean';

/** Programs that may be attached at some time. */
export interface Wanted {
  readonly all: readonly string[];
  /** The programs of the best mechanisms that are left where the kernel has refused some. */
  readonly without: (isRefused: (program: string) => boolean) => readonly string[];
}

/**
 * backpressure: a device with IFF_BACKPRESSURE is there. exits: one is, or packets come that others hold too, whose drop fires no
 * tracepoint. split: a device may have several queues, and the kernel counts their packets together. entries: the same, and no program
 * counts what leaves each ring, so that only what enters tells the queues apart.
 */
export type Demand = 'backpressure' | 'exits' | 'split' | 'entries';

export interface ProbeEvent {
  readonly name: string;
  readonly measures: string;
  readonly mechanisms: readonly Mechanism[];
  /** Mechanisms on the enqueue path, which the level `lean` does without, and `rest` unless entries are asked for. */
  readonly shed?: readonly string[];
  /** Mechanisms on the read path, which the level `rest` does without unless a split is asked for and no entries tell it. */
  readonly shedAtRest?: readonly string[];
  /** Mechanisms that all of the host pays for, attached only while something asks for them. */
  readonly demanded?: { readonly by: Demand; readonly mechanisms: readonly string[] };
  /** Figures mean the same with each of its mechanisms: a change begins no epoch. */
  readonly alike?: boolean;
  /** Maps with a record of 64-bit words for each row, and the struct of a record: their sums are in QueueSums.records. */
  readonly records?: ReadonlyMap<string, string>;
  /** Runs of its programs that the kernel skipped leave the accounts right. */
  readonly besideAccounts?: boolean;
}

export const WALK = ['devices=walk'];
/** Provided by each mechanism that sees the end of a writer's call, where a freed packet that names no device gets one. */
export const WRITE_ENDS = 'write-ends';

/** Mechanisms that are not for now. */
export function leftOut(
  { shed = [], shedAtRest = [], demanded }: ProbeEvent,
  level: Level,
  demands: ReadonlySet<Demand>,
): readonly string[] {
  const areEntriesKept = demands.has('entries');
  const areDequeuesKept = demands.has('split') && !areEntriesKept;
  return [
    ...(level === 'lean' || (level === 'rest' && !areEntriesKept) ? shed : []),
    ...(level === 'rest' && !areDequeuesKept ? shedAtRest : []),
    ...(demanded && !demands.has(demanded.by) ? demanded.mechanisms : []),
  ];
}

export function isMet(need: string, chosen: ReadonlyMap<string, Mechanism>): boolean {
  const [event = '', mechanism = ''] = need.split('=');
  const found = chosen.get(event);
  return found !== undefined && (mechanism === '' || mechanism.split('|').includes(found.name));
}

/** An event and those of its mechanisms that this host may have. */
interface Candidate {
  readonly event: ProbeEvent;
  readonly usable: readonly Mechanism[];
}

const LEVELS: readonly Level[] = ['exact', 'rest', 'lean'];
/** With `split` and `entries` nothing is chosen at the level `rest` that `lean` or `exact` does not choose. */
const DEMANDS: readonly (readonly Demand[])[] = [[], ['exits'], ['backpressure'], ['exits', 'backpressure']];

/** What the verifier is asked about: a program that no choice would lead to costs the start up to a third of its time. */
export function programsOf(
  candidates: readonly Candidate[],
  forced: ReadonlyMap<string, string>,
  unattachable: ReadonlySet<string>,
): Wanted {
  const states = LEVELS.flatMap((level) => DEMANDS.map((demands) => ({ level, demands: new Set(demands) })));
  return {
    all: candidates.flatMap(({ usable }) => usable.flatMap(({ programs }) => programs)),
    without: (isRefused) => {
      const chosen = states.flatMap(({ level, demands }) => {
        const left = (event: ProbeEvent) => (forced.has(event.name) ? [] : leftOut(event, level, demands));
        return chosenOf(
          candidates,
          (event, { name, programs }) =>
            !left(event).includes(name) && !programs.some((program) => unattachable.has(program) || isRefused(program)),
        );
      });
      return [...new Set(chosen.flatMap(({ programs }) => programs))];
    },
  };
}

/** The best mechanism of each event that is allowed and has what it needs. */
function chosenOf(
  candidates: readonly Candidate[],
  isAllowed: (event: ProbeEvent, mechanism: Mechanism) => boolean,
): readonly Mechanism[] {
  const chosen = new Map<string, Mechanism>();
  for (const { event, usable } of candidates) {
    const best = usable.find((one) => isAllowed(event, one) && one.needs.every((need) => isMet(need, chosen)));
    if (best) chosen.set(event.name, best);
  }
  return [...chosen.values()];
}
