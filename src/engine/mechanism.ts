// SPDX-License-Identifier: Apache-2.0
// What can measure a logical event.
import type { Host } from '../kernel/host.ts';
import type { Level } from './attach.ts';
import type { Wanted } from './programs.ts';
import type { Unavailable } from './unavailable.ts';

/**
 * What a mechanism makes known. Others ask for this and not for the mechanism's name, so that a new mechanism needs no change elsewhere.
 * walk: rings, queues and devices; ends: the end of a device at once; last-counters: what the kernel
 * counted until then; drops: packets that are freed, with reason; drops-before: those
 * before tun; offers: each packet offered to a queue; entries: it is seen only as it is offered, and as it is dropped; exits: as the transmit
 * function ends, too; offers-derived: so many by arithmetic; takes: each packet taken, under the ring's lock;
 * takes-derived: so many by arithmetic; departures: when a packet is taken; stops: stops and wakes; stops-possible: this kernel stops queues
 * that ask for it; leavings: each queue that leaves; changes: queues that join and leave; guests-at-once and guests: which queues vhost-net
 * serves; returned, batches, buffers, zerocopy: of vhost-net; deferred-frees: packets that go back to the CPU that allocated them; holders: the process of each descriptor; holders-by-device: of each device.
 */
export type Capability =
  | 'walk'
  | 'ends'
  | 'last-counters'
  | 'drops'
  | 'drops-before'
  | 'offers'
  | 'offers-derived'
  | 'entries'
  | 'exits'
  | 'takes'
  | 'takes-derived'
  | 'departures'
  | 'stops'
  | 'stops-possible'
  | 'leavings'
  | 'changes'
  | 'guests-at-once'
  | 'guests'
  | 'returned'
  | 'batches'
  | 'buffers'
  | 'zerocopy'
  | 'allocation'
  | 'deferred-frees'
  | 'refusals'
  | 'receive-batches'
  | 'macvtap-walk'
  | 'ipvtap-walk'
  | 'macvtap-reads'
  | 'readers'
  | 'holders'
  | 'holders-by-device';

export interface Mechanism {
  readonly name: string;
  /** Absent: nothing that others ask for. */
  readonly provides?: readonly Capability[];
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
 * backpressure: a device with IFF_BACKPRESSURE is there. exits: one is, or packets come that others hold too, whose drop fires no
 * tracepoint.
 */
export type Demand = 'backpressure' | 'exits';

export interface ProbeEvent {
  readonly name: string;
  readonly measures: string;
  readonly mechanisms: readonly Mechanism[];
  /** Mechanisms on the enqueue path, which the level `lean` does without. */
  readonly shed?: readonly string[];
  /** Mechanisms that all of the host pays for, attached only while something asks for them. */
  readonly demanded?: { readonly by: Demand; readonly mechanisms: readonly string[] };
  /** Figures mean the same with each of its mechanisms: a change begins no epoch. */
  readonly alike?: boolean;
}

export const WALK = ['devices=walk'];

/** Mechanisms that are not for now. */
export function leftOut(
  { shed = [], demanded }: ProbeEvent,
  level: Level,
  demands: ReadonlySet<Demand>,
): readonly string[] {
  return [...(level === 'lean' ? shed : []), ...(demanded && !demands.has(demanded.by) ? demanded.mechanisms : [])];
}

export function isMet(need: string, chosen: ReadonlyMap<string, Mechanism>): boolean {
  const [event = '', mechanism = ''] = need.split('=');
  const found = chosen.get(event);
  return found !== undefined && (mechanism === '' || mechanism.split('|').includes(found.name));
}

/** An event and those of its mechanisms that this host may have. */
export interface Candidate {
  readonly event: ProbeEvent;
  readonly usable: readonly Mechanism[];
}

const LEVELS: readonly Level[] = ['exact', 'lean'];
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
