// SPDX-License-Identifier: Apache-2.0
// Finds properties that losing taps share and others lack: a kernel, a qdisc, a ring size, a tenant.
import { fisherTail, normalTail } from './chance.ts';

/** One tap in the time that was asked for. */
export interface Judgeable {
  /** Taps of one host share its faults, so that they are no independent witnesses. */
  readonly host: string;
  readonly losing: boolean;
  /** Values by the name of the property: kernel, qdisc, ring. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface Factor {
  readonly property: string;
  readonly value: string;
  /** Taps that lose packets and have this value; all taps that have it; all that lose packets; all. */
  readonly losingWith: number;
  readonly all: { readonly with: number; readonly losing: number; readonly taps: number };
  /** How many times as often a tap with this value loses packets as the average tap. */
  readonly lift: number;
  /** The highest probability of this if no property had to do with the loss, however many values were looked at. */
  readonly chance: number;
}

/** A factor is named below this: one fleet in a thousand without a common cause. */
const MOST_CHANCE = 0.001;
/** A value that is nearly everywhere explains nothing. */
const LEAST_LIFT = 1.5;
/** Fewer losing taps are an incident of their own, and no pattern. */
const LEAST_LOSING = 3;
/** With fewer losing hosts the ranks are not normally distributed, and only Fisher's exact test counts. */
const LEAST_RANKED = 10;
/** Second causes are looked for among what the first does not explain; more than this helps no reader. */
const MOST_FACTORS = 3;

/** The common factors, the one that tells most first; empty: the loss follows no property that is known of all taps. */
export function commonFactors(taps: readonly Judgeable[]): readonly Factor[] {
  const found: Factor[] = [];
  let rest = taps;
  while (found.length < MOST_FACTORS) {
    const best = strongest(rest);
    if (!best) break;
    found.push(best);
    rest = rest.filter(({ properties }) => properties[best.property] !== best.value);
  }
  return found;
}

interface Candidate extends Factor {
  /** How much better the loss is told by this value than without it: G, twice the logarithm of the likelihood ratio. */
  readonly gain: number;
}

function strongest(taps: readonly Judgeable[]): Factor | undefined {
  const names = [...new Set(taps.flatMap(({ properties }) => Object.keys(properties)))];
  const values = names.flatMap((property) =>
    [...new Set(taps.map(({ properties }) => properties[property] ?? ''))].map((value) => ({ property, value })),
  );
  const testable = values
    .map(({ property, value }) => count(taps, property, value))
    .filter(({ losingWith, lift }) => losingWith >= LEAST_LOSING && lift >= LEAST_LIFT);
  const hosts = byHost(taps);
  const candidates: Candidate[] = [];
  for (const one of testable) {
    // Three tests of each value: two between hosts, one between the taps of each host.
    const tests = 3 * values.length;
    const probability = Math.min(betweenHosts(hosts, one), withinHosts(hosts, one));
    const chance = Math.min(1, tests * probability);
    if (chance < MOST_CHANCE) candidates.push({ ...one, chance, gain: gainOf(one) });
  }
  // Several values may tell the same: the one that fewer other taps have comes first.
  const [best] = candidates.sort((a, b) => b.gain - a.gain || b.lift - a.lift || a.chance - b.chance);
  if (!best) return undefined;
  const { gain: _, ...factor } = best;
  return factor;
}

function count(taps: readonly Judgeable[], property: string, value: string): Factor {
  const having = taps.filter(({ properties }) => (properties[property] ?? '') === value);
  const losing = taps.filter((tap) => tap.losing).length;
  const losingWith = having.filter((tap) => tap.losing).length;
  const lift = losing === 0 ? 0 : losingWith / having.length / (losing / taps.length);
  const all = { with: having.length, losing, taps: taps.length };
  return { property, value, losingWith, all, lift, chance: 1 };
}

function byHost(taps: readonly Judgeable[]): readonly (readonly Judgeable[])[] {
  const hosts = new Map<string, Judgeable[]>();
  for (const tap of taps) {
    const known = hosts.get(tap.host);
    if (known) known.push(tap);
    else hosts.set(tap.host, [tap]);
  }
  return [...hosts.values()];
}

/**
 * Each host is one witness: it has the value if most of its taps have it. Fisher's exact test asks whether hosts with the value lose at
 * all more often, which sees few losing hosts; Wilcoxon's, whether they lose on a larger share of their taps.
 */
function betweenHosts(hosts: readonly (readonly Judgeable[])[], { property, value }: Factor): number {
  const has = (tap: Judgeable): boolean => (tap.properties[property] ?? '') === value;
  const witnesses = hosts.map((taps) => ({
    has: 2 * taps.filter(has).length > taps.length,
    share: taps.filter(({ losing }) => losing).length / taps.length,
  }));
  const having = witnesses.filter((one) => one.has).length;
  const losing = witnesses.filter(({ share }) => share > 0).length;
  const both = witnesses.filter((one) => one.has && one.share > 0).length;
  const exact = fisherTail(hosts.length, having, losing, both);
  return losing < LEAST_RANKED ? exact : Math.min(exact, rankTail(witnesses));
}

/** Wilcoxon's rank sum test, one side, with the variance that ties leave. */
function rankTail(witnesses: readonly { readonly has: boolean; readonly share: number }[]): number {
  const all = witnesses.length;
  const having = witnesses.filter(({ has }) => has).length;
  if (having === 0 || having === all) return 1;
  const sorted = witnesses.map(({ share }) => share).sort((a, b) => a - b);
  // Equal shares have the mean of their ranks.
  const rank = (share: number): number => (sorted.indexOf(share) + sorted.lastIndexOf(share)) / 2 + 1;
  const mean = (all + 1) / 2;
  const apart = witnesses.map(({ has, share }) => ({ has, by: rank(share) - mean }));
  const more = apart.filter(({ has }) => has).reduce((sum, { by }) => sum + by, 0);
  const spread = apart.reduce((sum, { by }) => sum + by * by, 0);
  const variance = (having * (all - having) * spread) / (all * (all - 1));
  return variance === 0 ? 1 : normalTail(Math.max(0, more - 0.5) / Math.sqrt(variance));
}

/** The test of Mantel and Haenszel: on each host, whether the taps with the value lose more often than its other taps. */
function withinHosts(hosts: readonly (readonly Judgeable[])[], { property, value }: Factor): number {
  let more = 0;
  let variance = 0;
  for (const taps of hosts) {
    const all = taps.length;
    const having = taps.filter(({ properties }) => (properties[property] ?? '') === value);
    const losing = taps.filter((tap) => tap.losing).length;
    if (all < 2 || having.length === 0 || having.length === all || losing === 0 || losing === all) continue;
    more += having.filter((tap) => tap.losing).length - (having.length * losing) / all;
    variance += (having.length * (all - having.length) * losing * (all - losing)) / (all * all * (all - 1));
  }
  // Half a tap less: counts are whole.
  return variance === 0 ? 1 : normalTail(Math.max(0, more - 0.5) / Math.sqrt(variance));
}

function gainOf({ losingWith, all }: Factor): number {
  const entropy = (some: number, of: number): number =>
    some === 0 || some === of ? 0 : some * Math.log(some / of) + (of - some) * Math.log(1 - some / of);
  return (
    2 *
    (entropy(losingWith, all.with) +
      entropy(all.losing - losingWith, all.taps - all.with) -
      entropy(all.losing, all.taps))
  );
}
