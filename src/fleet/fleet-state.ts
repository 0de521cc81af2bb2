// SPDX-License-Identifier: Apache-2.0
// A fleet in a stretch of time: which taps lost packets, whose they are, and what they have in common.
import { commonFactors, type Factor } from './factors.ts';
import { type Answered, ask, type Endpoint, type Sample } from './prometheus-api.ts';
import {
  FINDING,
  HOST,
  INFO,
  LOST_AT_RING,
  LOST_BEFORE,
  OFFERED,
  READER,
  REFUSED,
  type Recorded,
  TAP_LABELS,
  UNCOUNTED,
} from './tier.ts';

export interface Tap {
  /** `instance` of the scrape. */
  readonly host: string;
  readonly netns: string;
  readonly device: string;
  /** Packets in the time that was asked for; `increase` of Prometheus, which estimates what lies at the ends. */
  readonly offered: number;
  readonly lost: { readonly atRing: number; readonly before: number; readonly uncounted: number };
  /** Packets from the guest or writer that were freed or refused. */
  readonly refused: number;
  /** The worst finding that stands now. */
  readonly finding: { readonly rule: string; readonly severity: string } | undefined;
  /** State of the reader while the ring is full. */
  readonly reader: string | undefined;
  /** Known not to be exact. */
  readonly inexact: boolean;
  readonly properties: Readonly<Record<string, string>>;
}

export interface Tenant {
  readonly tenant: string;
  readonly taps: number;
  readonly losing: number;
  readonly lost: number;
  readonly offered: number;
}

export interface Fleet {
  readonly seconds: number;
  readonly hosts: readonly string[];
  /** Answered in that time, and do not now. */
  readonly silent: readonly string[];
  /** Several agents under one name: their taps cannot be told apart. */
  readonly ambiguous: readonly string[];
  readonly taps: readonly Tap[];
  readonly losing: readonly Tap[];
  readonly factors: readonly Factor[];
  readonly tenants: readonly Tenant[];
  readonly warnings: readonly string[];
}

/** A tap loses packets above this share of what was sent to it, and this many: one lost ARP request of two is no incident. */
const LEAST_SHARE = 0.001;
const LEAST_LOST = 50;

/** These tell one tap from another, or are of the engine, and are no property that taps share. */
const NAMES: readonly string[] = [...TAP_LABELS, '__name__', 'vm', 'pod', 'unit', 'container', 'uuid', 'version'];
/** Labels as people call them. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['queue_length', 'ring size'],
  ['flow_control', 'flow control'],
]);

/** `seconds`: the time before now. Throws one sentence. */
export async function lookAtFleet(endpoint: Endpoint, seconds: number): Promise<Fleet> {
  const warnings = new Set<string>();
  const query = async (expr: string): Promise<readonly Sample[]> => {
    const answer: Answered = await ask(endpoint, expr);
    for (const warning of answer.warnings) warnings.add(warning);
    return answer.samples;
  };
  const isRecorded = (await query(`count(${INFO.record})`)).length > 0;
  const now = ({ record, expr }: Recorded): Promise<readonly Sample[]> => query(isRecorded ? record : expr);
  const grown = ({ record, expr }: Recorded): Promise<readonly Sample[]> =>
    query(`increase(${isRecorded ? `${record}[${seconds}s]` : `(${expr})[${seconds}s:]`})`);
  const name = isRecorded ? HOST.record : 'tapscope_build_info';
  const [info, offered, atRing, before, uncounted, refused, finding, reader, hosts, earlier] = await Promise.all([
    now(INFO),
    ...[OFFERED, LOST_AT_RING, LOST_BEFORE, UNCOUNTED, REFUSED].map(grown),
    now(FINDING),
    now(READER),
    query(`count by (instance) (${name})`),
    query(`count by (instance) (last_over_time(${name}[${seconds}s]))`),
  ]);
  const values = (samples: readonly Sample[] = []): ReadonlyMap<string, Sample> =>
    new Map(samples.map((sample) => [keyOf(sample), sample]));
  const [offers, ring, core, secret, refusals, findings, readers] = [
    offered,
    atRing,
    before,
    uncounted,
    refused,
    finding,
    reader,
  ].map(values);
  const taps = (info ?? []).map((sample): Tap => {
    const key = keyOf(sample);
    const of = (map: ReadonlyMap<string, Sample> | undefined): number => Math.max(0, map?.get(key)?.value ?? 0);
    const found = findings?.get(key)?.labels;
    return {
      host: sample.labels.instance ?? '',
      netns: sample.labels.netns ?? '',
      device: sample.labels.device ?? '',
      offered: of(offers),
      lost: { atRing: of(ring), before: of(core), uncounted: of(secret) },
      refused: of(refusals),
      finding: found && { rule: found.rule ?? '', severity: found.severity ?? '' },
      reader: readers?.get(key)?.labels.state,
      inexact: sample.value === 0,
      properties: propertiesOf(sample),
    };
  });
  const present = new Set(named(hosts));
  return fleetOf(taps, {
    seconds,
    hosts: named(hosts),
    silent: named(earlier).filter((host) => !present.has(host)),
    ambiguous: named(hosts?.filter(({ value }) => value > 1)),
    warnings: [...warnings],
  });
}

function named(samples: readonly Sample[] = []): readonly string[] {
  return samples.map(({ labels }) => labels.instance ?? '').sort();
}

/** Pure: the state of the fleet from its series. */
export function fleetOf(
  taps: readonly Tap[],
  seen: Pick<Fleet, 'seconds' | 'hosts' | 'silent' | 'ambiguous' | 'warnings'>,
): Fleet {
  const losing = taps.filter(isLosing).sort((a, b) => lostOf(b) - lostOf(a));
  const active = taps.filter((tap) => tap.offered + tap.lost.before > 0);
  const judged = active.map((tap) => ({ host: tap.host, losing: isLosing(tap), properties: tap.properties }));
  return { ...seen, taps, losing, factors: commonFactors(judged), tenants: tenantsOf(taps) };
}

export function lostOf({ lost }: Tap): number {
  return lost.atRing + lost.before + lost.uncounted;
}

function isLosing(tap: Tap): boolean {
  const lost = lostOf(tap);
  return lost >= LEAST_LOST && lost >= LEAST_SHARE * (tap.offered + tap.lost.before);
}

function tenantsOf(taps: readonly Tap[]): readonly Tenant[] {
  const tenants = new Map<string, Tenant>();
  for (const tap of taps) {
    const tenant = tap.properties.tenant ?? '';
    const { losing, lost, offered, ...sum } = tenants.get(tenant) ?? {
      tenant,
      taps: 0,
      losing: 0,
      lost: 0,
      offered: 0,
    };
    tenants.set(tenant, {
      tenant,
      taps: sum.taps + 1,
      losing: losing + Number(isLosing(tap)),
      lost: lost + lostOf(tap),
      offered: offered + tap.offered + tap.lost.before,
    });
  }
  return [...tenants.values()].sort((a, b) => b.lost - a.lost || a.tenant.localeCompare(b.tenant));
}

function keyOf({ labels }: Sample): string {
  return TAP_LABELS.map((label) => labels[label]).join('\n');
}

function propertiesOf({ labels }: Sample): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([label]) => !NAMES.includes(label))
      .map(([label, value]) => [WORDS.get(label) ?? label.replaceAll('_', ' '), value]),
  );
}

/** ok only if every host answers, every figure is exact and no tap loses packets in numbers. */
export function answerOfFleet({
  taps,
  losing,
  silent,
  ambiguous,
  warnings,
}: Fleet): 'ok' | 'warning' | 'critical' | 'unknown' {
  const severities = new Set(taps.map(({ finding }) => finding?.severity));
  if (severities.has('critical')) return 'critical';
  if (losing.length > 0 || severities.has('warning')) return 'warning';
  const isBlind = taps.length === 0 || taps.some(({ inexact }) => inexact);
  return isBlind || silent.length + ambiguous.length + warnings.length > 0 ? 'unknown' : 'ok';
}
