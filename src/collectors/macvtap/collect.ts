// SPDX-License-Identifier: Apache-2.0
// macvtap and ipvtap devices: towards the guest they receive, from it they transmit. Rings by the walk, drops by the tracepoint.
import type { Probes } from '../../engine/attach.ts';
import { MACVTAP_LOCATIONS, type MacvtapMeaning } from '../../engine/locations.ts';
import { missedReads } from '../../engine/probe-losses.ts';
import type { LoadedPrograms } from '../../engine/programs.ts';
import { type WalkedDevice, Walker } from '../../engine/walk.ts';
import { type Held, heldBy, heldOf, type Owners } from '../../inventory/owners.ts';
import type { Device, OtherDrop, UncountedLoss } from '../../snapshot/device.ts';
import type { ProbeState } from '../../snapshot/snapshot.ts';
import { MacvtapReads } from './read.ts';

const IFF_UP = 1;

export interface MacvtapsSeen {
  readonly devices: readonly Device[];
  readonly ids: readonly bigint[];
  /** Their queues. */
  readonly held: readonly Held[];
  readonly complete: boolean;
}

const KINDS = ['macvtap', 'ipvtap'] as const;

export class MacvtapCollector {
  readonly #probes: Probes;
  readonly #programs: LoadedPrograms;
  readonly #walkers = new Map<string, Walker>();
  readonly #reads: MacvtapReads;
  #delivered: ReadonlyMap<bigint, number> = new Map();
  readonly #owners: Owners;

  constructor(probes: Probes, programs: LoadedPrograms, owners: Owners) {
    this.#probes = probes;
    this.#programs = programs;
    this.#reads = new MacvtapReads(programs.object);
    this.#owners = owners;
  }

  /** `freed`: drops that belong to no row, by device. */
  collect(freed: ReadonlyMap<bigint, readonly OtherDrop[]>, probes: readonly ProbeState[]): MacvtapsSeen {
    const walks = KINDS.flatMap((kind) => this.#walker(kind)?.walk() ?? []);
    const walked = walks.flatMap(({ devices }) => devices);
    const counted = this.#probes.can('macvtap-reads');
    if (counted && (walked.length > 0 || this.#delivered.size > 0)) this.#delivered = this.#reads.read();
    const delivered = (id: bigint): number | undefined => (counted ? (this.#delivered.get(id) ?? 0) : undefined);
    const degraded = missedReads(probes);
    return {
      devices: walked.map((one) => ({
        ...deviceOf(one, freed.get(one.id) ?? [], delivered(one.id), this.#owners),
        degraded,
      })),
      ids: walked.map(({ id }) => id),
      held: heldOf(walked),
      complete: walks.every(({ complete }) => complete),
    };
  }

  /** The walker is made late: its module may come later than the agent. */
  #walker(kind: (typeof KINDS)[number]): Walker | undefined {
    const known = this.#walkers.get(kind);
    if (known || !this.#probes.can(`${kind}-walk`)) return known;
    const program = `walk_${kind}s`;
    const walker = new Walker(this.#programs.objectOf(program), program);
    this.#walkers.set(kind, walker);
    return walker;
  }

  /** The devices of which the kernel keeps counts; some may be gone. */
  devices(): readonly bigint[] {
    return [...this.#delivered.keys()];
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#reads.remove(devices);
  }
}

function deviceOf(
  walked: WalkedDevice,
  freed: readonly OtherDrop[],
  delivered: number | undefined,
  owners: Owners,
): Omit<Device, 'degraded'> {
  const { counters, queues } = walked;
  return {
    netns: walked.netns,
    name: walked.name,
    ifindex: walked.ifindex,
    id: String(walked.id),
    kind: walked.kind,
    up: (walked.deviceFlags & IFF_UP) !== 0,
    carrier: walked.carrier,
    multiQueue: queues.length > 1,
    persistent: true,
    vnetHeader: false,
    queueLength: walked.queueLength,
    qdisc: walked.qdisc || undefined,
    flowControl: 'tail-drop',
    flowControlLost: undefined,
    queues: queues.map((queue) => ({
      ...NOTHING,
      index: queue.index,
      ring: { capacity: queue.capacity, occupancy: queue.occupancy, lag: queue.lag, highwater: undefined },
      owner: owners.ofQueue(walked.netns, walked.name, heldBy(walked, queue)),
    })),
    attachedQueues: queues.length,
    detachedQueues: undefined,
    queueChanges: undefined,
    counters: undefined,
    otherDropped: undefined,
    receive: { dropped: meaning(freed, 'written'), refused: undefined, frameErrors: undefined },
    macvtap: {
      offered: counters.rxPackets,
      dropped: meaning(freed, 'dropped'),
      delivered,
      written: counters.txPackets,
    },
    uncounted: uncountedOf(freed),
    audit: [],
  };
}

const NOTHING = {
  counters: undefined,
  history: undefined,
  flow: undefined,
  perCpu: [],
  owner: undefined,
  reader: undefined,
  vhost: undefined,
  freed: undefined,
  wakeups: undefined,
  receiveBatches: undefined,
  redirected: undefined,
  auditPending: undefined,
  audit: [],
  degraded: [],
};

function meaning(freed: readonly OtherDrop[], wanted: MacvtapMeaning): readonly OtherDrop[] {
  return freed.filter(({ location }) => MACVTAP_LOCATIONS[location] === wanted);
}

function uncountedOf(freed: readonly OtherDrop[]): readonly UncountedLoss[] {
  const causes = ['purged', 'resized', 'failed'] as const;
  return causes.map((cause) => ({
    cause,
    packets: meaning(freed, cause).reduce((sum, { packets }) => sum + packets, 0),
  }));
}
