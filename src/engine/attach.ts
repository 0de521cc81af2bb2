// SPDX-License-Identifier: Apache-2.0
// Chooses a mechanism for each event, best first, and attaches it; what was refused is remembered with its reason.
import type { Host } from '../kernel/host.ts';
import type { Symbols } from '../kernel/symbols.ts';
import type { ProbeState } from '../snapshot/snapshot.ts';
import { type Attachment, attachMechanism } from './attachments.ts';
import {
  type Demand,
  isMet,
  type Level,
  leftOut,
  type Mechanism,
  type ProbeEvent,
  programsOf,
  type Wanted,
  WRITE_ENDS,
} from './mechanism.ts';
import { firstLine, NoPrograms } from './open-object.ts';
import { LoadedPrograms, type LoadOptions } from './programs.ts';

/** A better mechanism that is not used, and why. */
interface Refusal {
  readonly mechanism: string;
  /**
   * absent: the kernel does not have it; refused: the kernel or the host does not let us; forced: --mechanism chose
   * another; on-demand: it did not choose this one.
   */
  readonly kind: 'absent' | 'refused' | 'forced' | 'on-demand';
  readonly reason: string;
}

/** The choice for one event. */
export interface Choice {
  readonly event: ProbeEvent;
  readonly mechanism: Mechanism | undefined;
  readonly refused: readonly Refusal[];
}

export interface Probes {
  readonly choices: () => readonly Choice[];
  /** undefined: no BPF program runs. */
  readonly programs: LoadedPrograms | undefined;
  /** Kernel functions, those of modules that came later too. */
  readonly symbols: () => Symbols | undefined;
  /** A mechanism in use makes this known. */
  readonly can: (capability: string) => boolean;
  /** Name of the mechanism in use for an event; undefined: nothing measures it. */
  readonly mechanism: (event: string) => string | undefined;
  /** Runs for this event that the kernel skipped leave the accounts right. */
  readonly isBesideAccounts: (event: string) => boolean;
  /** Programs that are attached now. */
  readonly attached: () => readonly string[];
  /** The same object until one of them changes. */
  readonly states: () => readonly ProbeState[];
  readonly level: () => Level;
  /** How many sets of mechanisms have measured; the first is 1. */
  readonly epoch: () => number;
  /** How often programs for an event came, where none were attached: what passed before is not in their counts. */
  readonly comings: (event: string) => number;
  /** The host had no descriptor or memory for a mechanism: setLevel() tries again, with the same level too. */
  readonly isShort: () => boolean;
  /** Attaches or detaches what lies on the enqueue path; counts go on, in a new epoch. */
  readonly setLevel: (level: Level) => void;
  /** Where nothing is attached to the transmit function; at level rest the next drop is told of again. */
  readonly settle: () => void;
  /** Attaches what lies waiting for this, or detaches it again. Answers whether that was new. */
  readonly demand: (what: Demand, wanted: boolean) => boolean;
  readonly isDemanded: (what: Demand) => boolean;
  /** Attaches what became possible since: a module was loaded. Counts go on. */
  readonly extend: (host: Host) => void;
  readonly close: () => void;
}

export interface AttachOptions {
  /** Event to mechanism name or `off`. */
  readonly forced: ReadonlyMap<string, string>;
  /** Probes may keep the tun module from being unloaded. */
  readonly pin: boolean;
}

/** Attaches what can be had of these events; never throws because of a missing right or kernel feature. */
export function attachProbes(host: Host, events: readonly ProbeEvent[], { forced, pin }: AttachOptions): Probes {
  const examine = (now: Host) =>
    events.map((event) => ({ event, ...candidatesOf(event, now, forced.get(event.name), pin) }));
  let candidates = examine(host);
  /** Loaded, and refused when they were to be attached: what is next best may have to be loaded. */
  const unattachable = new Set<string>();
  const wanted = (): Wanted => programsOf(candidates, forced, unattachable);
  const options = loadOptions(events, forced);
  let { programs, reason } = tryLoading(host, wanted(), options);
  const attachments = new Map<string, readonly Attachment[]>();
  const comings = new Map<string, number>();
  let choices: readonly Choice[] = [];
  let states: readonly ProbeState[] = [];
  let capabilities: ReadonlySet<string> = new Set();
  let level: Level = 'exact';
  const demands = new Set<Demand>();
  let isShort = false;
  let epoch = 0;
  let symbols = host.symbols;
  const isAttached = (event: string): boolean => (attachments.get(event) ?? []).length > 0;
  const isSeen = (): boolean => isAttached('transmit');
  const settle = (): void => {
    if (!isSeen()) programs?.settle(level === 'rest' ? 'rests' : 'ends');
  };
  const apply = (): void => {
    if (!isSeen()) programs?.settle('begins');
    const before = inUse(choices);
    isShort = false;
    const chosen = new Map<string, Mechanism>();
    choices = candidates.map(({ event, usable, refused }) => {
      const wasAttached = isAttached(event.name);
      const left = forced.has(event.name) ? [] : leftOut(event, level, demands);
      const path = usable.filter(({ name }) => !left.includes(name));
      const choice = choose(event, path, refused, chosen, (mechanism) => {
        const refusal = attachMechanism(event.name, mechanism, { programs, reason }, attachments);
        isShort ||= refusal?.isShortage ?? false;
        if (refusal?.isShortage === false && mechanism.programs.every((name) => programs?.has(name)))
          for (const name of mechanism.programs) unattachable.add(name);
        return refusal?.reason;
      });
      if (choice.mechanism) chosen.set(event.name, choice.mechanism);
      if (!wasAttached && isAttached(event.name)) comings.set(event.name, (comings.get(event.name) ?? 0) + 1);
      return choice;
    });
    states = choices.map(stateOf);
    capabilities = new Set(choices.flatMap(({ mechanism }) => mechanism?.provides ?? []));
    if (inUse(choices) !== before) epoch++;
    settle();
  };
  /** While the kernel's types are there. */
  const loadNextBest = (now: Host): void => {
    for (let known = 0; known < unattachable.size; ) {
      known = unattachable.size;
      programs?.extend(now, wanted());
      apply();
    }
  };
  const can = (capability: string): boolean => capabilities.has(capability);
  const mechanism = (event: string): string | undefined =>
    choices.find((choice) => choice.event.name === event)?.mechanism?.name;
  apply();
  if (programs?.endsSeen && !can('ends')) {
    // Loaded, and not to be attached: the other programs must not rely on it.
    const refused = choices.find(({ event }) => event.name === 'ended')?.refused.at(-1)?.reason ?? '';
    for (const attachment of [...attachments.values()].flat()) attachment.link.detach();
    attachments.clear();
    programs.close();
    ({ programs, reason } = tryLoading(host, wanted(), { ...options, refused: new Map([['ended_fentry', refused]]) }));
    apply();
  }
  loadNextBest(host);
  epoch = 1;
  return {
    choices: () => choices,
    programs,
    symbols: () => symbols,
    can,
    mechanism,
    isBesideAccounts: (event) => choices.some((choice) => choice.event.name === event && choice.event.besideAccounts),
    attached: () => [...attachments.values()].flat().map(({ program }) => program),
    states: () => {
      const now = states.map((state) => withMissed(state, programs, attachments.get(state.event) ?? []));
      if (now.some((state, place) => state !== states[place])) states = now;
      return states;
    },
    level: () => level,
    epoch: () => epoch,
    comings: (event) => comings.get(event) ?? 0,
    isShort: () => isShort,
    setLevel: (next) => {
      level = next;
      apply();
    },
    settle,
    demand: (what, wanted) => {
      if (demands.has(what) === wanted) return false;
      if (wanted) demands.add(what);
      else demands.delete(what);
      apply();
      return true;
    },
    isDemanded: (what) => demands.has(what),
    extend: (now) => {
      symbols = now.symbols;
      candidates = examine(now);
      programs?.extend(now, wanted());
      apply();
      loadNextBest(now);
    },
    close: () => {
      for (const attachment of [...attachments.values()].flat()) attachment.link.detach();
      programs?.close();
    },
  };
}

function inUse(choices: readonly Choice[]): string {
  return choices.map(({ event, mechanism }) => (event.alike ? '' : mechanism?.name)).join();
}

function candidatesOf(
  event: ProbeEvent,
  host: Host,
  forced: string | undefined,
  pin: boolean,
): { usable: readonly Mechanism[]; refused: Refusal[] } {
  const refused: Refusal[] = [];
  const usable = event.mechanisms.filter((mechanism) => {
    const unavailable = choiceAgainst(event, mechanism, forced, pin) ?? mechanism.unavailable(host);
    if (unavailable) refused.push({ mechanism: mechanism.name, ...unavailable });
    return !unavailable;
  });
  return { usable, refused };
}

/** The user's own choice. */
function choiceAgainst(
  event: ProbeEvent,
  mechanism: Mechanism,
  forced: string | undefined,
  pin: boolean,
): Omit<Refusal, 'mechanism'> | undefined {
  if (forced && mechanism.name !== forced) return { kind: 'forced', reason: `--mechanism ${event.name}=${forced}` };
  if (mechanism.onDemand && !forced)
    return {
      kind: 'on-demand',
      reason: `--mechanism ${event.name}=${mechanism.name} asks for it; ${mechanism.tradeoff}`,
    };
  if (mechanism.pins && !pin) return { kind: 'forced', reason: '--no-pin: it would keep tun from being unloaded' };
  return undefined;
}

function loadOptions(events: readonly ProbeEvent[], forced: ReadonlyMap<string, string>): LoadOptions {
  const mechanisms = events.flatMap((event) => event.mechanisms);
  return {
    before: forced.get('before') !== 'off',
    recordMaps: events.flatMap(({ records }) => [...(records?.keys() ?? [])]),
    writeEnds: mechanisms.flatMap(({ provides, programs }) => (provides?.includes(WRITE_ENDS) ? programs : [])),
    refused: new Map(),
  };
}

function tryLoading(
  host: Host,
  wanted: Wanted,
  options: LoadOptions,
): { programs: LoadedPrograms | undefined; reason: string | undefined } {
  if (wanted.all.length === 0) return { programs: undefined, reason: undefined };
  try {
    return { programs: new LoadedPrograms(host, wanted, options), reason: undefined };
  } catch (error) {
    if (error instanceof NoPrograms) return { programs: undefined, reason: error.message };
    return { programs: undefined, reason: firstLine(error) };
  }
}

/** The first usable mechanism that has what it needs and lets itself be attached. */
function choose(
  event: ProbeEvent,
  usable: readonly Mechanism[],
  never: readonly Refusal[],
  chosen: ReadonlyMap<string, Mechanism>,
  attach: (mechanism: Mechanism) => string | undefined,
): Choice {
  const refused = [...never];
  for (const mechanism of usable) {
    const unmet = mechanism.needs.find((need) => !isMet(need, chosen));
    const unavailable = unmet === undefined ? attach(mechanism) : `needs ${unmet.replace(/=$/, ' to be measured')}`;
    if (unavailable === undefined) return { event, mechanism, refused };
    refused.push({ mechanism: mechanism.name, kind: 'refused', reason: unavailable });
  }
  return { event, mechanism: undefined, refused };
}

function stateOf({ event, mechanism, refused }: Choice): ProbeState {
  return {
    event: event.name,
    mechanism: mechanism?.name ?? 'none',
    attached: mechanism !== undefined,
    reason: refused.map((refusal) => `${refusal.mechanism}: ${refusal.reason}`).join('; ') || undefined,
    missed: 0,
  };
}

/** The same object where nothing was missed since. */
function withMissed(
  state: ProbeState,
  programs: LoadedPrograms | undefined,
  attachments: readonly Attachment[],
): ProbeState {
  let missed = 0;
  for (const { mechanism, program } of attachments)
    if (mechanism === state.mechanism)
      missed += Number(programs?.objectOf(program).programInfo(program).recursionMisses ?? 0n);
  return missed === state.missed ? state : { ...state, missed };
}
