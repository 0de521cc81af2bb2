// SPDX-License-Identifier: Apache-2.0
// A device of the snapshot: what the walk saw, with the counters and the accounts that belong to it.

import type { Accounts, QueueBalance } from '../accounting/balance.ts';
import { uncountedOf } from '../collectors/drops/uncounted.ts';
import type { RedirectCount } from '../collectors/redirect/state.ts';
import { flowOf, historyOf, type Regard } from '../collectors/ring/history.ts';
import { type VhostMeasured, vhostOf } from '../collectors/vhost/collect.ts';
import type { QueueEvent } from '../engine/queue-events.ts';
import { type DeviceSums, emptySums, type QueueSums, shownCounts, sumOf } from '../engine/queue-sums.ts';
import type { DropReasons } from '../engine/reasons.ts';
import type { WalkedDevice, WalkedQueue } from '../engine/walk.ts';
import type { Device, FlowControl, OtherDrop, QueueChanges, Receive } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import type {
  AuditResult,
  Flow,
  Freed,
  Queue,
  QueueCounters,
  Reader,
  ReasonCount,
  Ring,
  VhostBatches,
  Wakeups,
} from '../snapshot/queue.ts';

/** struct tun_struct flags, uapi/linux/if_tun.h */
const IFF_TAP = 0x0002;
const IFF_BACKPRESSURE = 0x0080;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_PERSIST = 0x0800;
const IFF_VNET_HDR = 0x4000;
const IFF_UP = 1;

export interface Measured {
  /** undefined: nothing measures what queues are offered. */
  readonly sums: DeviceSums | undefined;
  readonly accounts: Accounts | undefined;
  readonly reasons: DropReasons | undefined;
  /** undefined: nothing measures losses before tun. */
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive;
  /** Batches by queue index. */
  readonly receiveBatches: ReadonlyMap<number, VhostBatches>;
  readonly redirected: readonly RedirectCount[];
  /** The owner of each walked queue, in the order of the queues. */
  readonly owners: readonly (Owner | undefined)[];
  /** Readers by queue index; undefined: nothing looks at readers. */
  readonly readers: ReadonlyMap<number, Reader> | undefined;
  readonly freedMeasured: boolean;
  readonly queueChanges: QueueChanges | undefined;
  /** Consumed packets are counted under the ring's lock. */
  readonly consumedCounted: boolean;
  /** Enqueued packets are counted, not derived. */
  readonly counted: boolean;
  /** The exit of the transmit function counts each of them, as the entry counts what is offered. */
  readonly exitsCounted: boolean;
  readonly regard: Regard;
  /** Stops and wakes are seen where a device asks for flow control, and that it asks no more. */
  readonly flowSeen: boolean;
  readonly vhost: VhostMeasured;
  /** Packets that a reader got are counted as they are freed; also those that are given back to the CPU that allocated them. */
  readonly frees: { readonly seen: boolean; readonly deferredToo: boolean };
}

export function deviceOf(walked: WalkedDevice, measured: Measured): Device {
  const degraded = measured.accounts?.degraded ?? [];
  const kind = walked.tunFlags & IFF_TAP ? 'tap' : 'tun';
  const split = measured.accounts?.unseen.split;
  const queues = queuesOf(walked, measured, split === undefined ? degraded : [...degraded, split]);
  return {
    netns: walked.netns,
    name: walked.name,
    ifindex: walked.ifindex,
    id: String(walked.id),
    kind,
    up: (walked.deviceFlags & IFF_UP) !== 0,
    carrier: walked.carrier,
    multiQueue: (walked.tunFlags & IFF_MULTI_QUEUE) !== 0,
    persistent: (walked.tunFlags & IFF_PERSIST) !== 0,
    vnetHeader: (walked.tunFlags & IFF_VNET_HDR) !== 0,
    queueLength: walked.queueLength,
    qdisc: walked.qdisc || undefined,
    flowControl: flowControlOf(walked),
    flowControlLost: measured.flowSeen ? flowLostOf(measured.sums) : undefined,
    queues,
    attachedQueues: walked.queues.filter(({ detached }) => !detached).length,
    detachedQueues: walked.detachedQueues,
    queueChanges: measured.queueChanges,
    counters: walked.counters,
    conntrackDropped: walked.conntrackDropped,
    otherDropped: measured.otherDropped,
    receive: measured.receive,
    macvtap: undefined,
    bridgePort: walked.bridgePort,
    uncounted: uncountedOf({ kind, queues, ...measured }),
    unseen: measured.accounts?.unseen,
    audit: measured.accounts?.audit ?? [],
    degraded,
  };
}

/** Stops its queues instead of dropping, where it can. */
export function asksForFlowControl({ tunFlags }: WalkedDevice): boolean {
  return (tunFlags & IFF_BACKPRESSURE) !== 0;
}

/** IFF_BACKPRESSURE does nothing without a qdisc that can hold packets, and with a ring of size 0 everything is lost. */
function flowControlOf(walked: WalkedDevice): FlowControl {
  if (!asksForFlowControl(walked)) return 'tail-drop';
  const { queues } = walked;
  const attached = queues.filter(({ detached }) => !detached);
  return attached.every(({ hasQdisc, capacity }) => hasQdisc && capacity > 0)
    ? 'backpressure'
    : 'backpressure-inactive';
}

/** Flow control is the device's flag, and its loss is seen on each of its queues. */
function flowLostOf(sums: DeviceSums | undefined): number {
  return Math.max(0, ...[...(sums?.values() ?? [])].map(({ shared }) => shared?.flowLost ?? 0));
}

function queuesOf(walked: WalkedDevice, measured: Measured, degraded: readonly string[]): readonly Queue[] {
  const rings = new Map(walked.queues.filter(({ detached }) => !detached).map((queue) => [queue.index, queue]));
  // A persistent device that all processes have closed shows the queues that had a reader.
  const orphaned = rings.size === 0 ? (measured.readers?.keys() ?? []) : [];
  const known = [...rings.keys(), ...(measured.sums?.keys() ?? []), ...measured.receiveBatches.keys(), ...orphaned];
  const indices = [...new Set(known)].sort((a, b) => a - b);
  return indices.map((index) => queueOf(walked, index, rings.get(index), measured, degraded));
}

function queueOf(
  walked: WalkedDevice,
  index: number,
  ring: WalkedQueue | undefined,
  measured: Measured,
  degraded: readonly string[],
): Queue {
  const sums = measured.sums?.get(index) ?? (measured.sums && emptySums(measured.reasons?.slotNames.length ?? 0));
  const balance = measured.accounts?.queues.get(index);
  const unknown = balance?.known === false ? ['packets of several queues cannot be told apart (lean)'] : [];
  const flow = sums && flowOf(sums, measured.regard);
  return {
    index,
    ring: ring && ringOf(ring, sums),
    counters: sums && countersOf(sums, measured, balance),
    history: sums && historyOf(sums, measured.regard),
    flow,
    perCpu: sums?.perCpu ?? [],
    owner: ring && measured.owners[walked.queues.indexOf(ring)],
    reader: measured.readers?.get(index),
    vhost: vhostOf(sums, ring?.vhost, measured.vhost),
    freed: measured.frees.seen ? freedOf(sums, measured.frees.deferredToo) : undefined,
    wakeups: measured.regard.arrivals ? wakeupsOf(sums) : undefined,
    receiveBatches: measured.receiveBatches.get(index),
    redirected: measured.redirected.find(({ queue }) => queue === index),
    audit: [
      ...(sums && measured.exitsCounted ? [offeredAudit(sums)] : []),
      ...(balance?.audit ?? []),
      ...(flow ? [stopsAudit(flow)] : []),
    ],
    auditPending: balance?.auditPending,
    degraded: [...degraded, ...unknown],
  };
}

function ringOf({ capacity, occupancy, lag }: WalkedQueue, sums: QueueSums | undefined): Ring {
  // The programs' figure is older than the walk's.
  const highwater = sums?.shared && Math.max(sums.shared.highwater, occupancy);
  return { capacity, occupancy, lag, highwater };
}

/** Entry and exit of the transmit function counted apart; what came past the entry has only its drop counted. */
function offeredAudit({ offered, enqueued, redirected, dropped, bypassed }: QueueSums): AuditResult {
  return { equation: 'offered', imbalance: offered + bypassed - (enqueued - redirected) - sumOf(dropped) };
}

/** Counts stops: each has ended, by a wake or without one, or goes on. */
function stopsAudit({ stops, stopsInferred, wakes, stopsUnwoken, stoppedForSeconds }: Flow): AuditResult {
  const ended = sumOf(wakes.map((one) => one.wakes)) + stopsUnwoken;
  return { equation: 'stops', imbalance: stops + stopsInferred - ended - Number(stoppedForSeconds !== undefined) };
}

const NOT_KNOWN = { enqueued: undefined, transmitted: undefined };

function countersOf(sums: QueueSums, measured: Measured, balance: QueueBalance | undefined): QueueCounters {
  const untraced = balance?.untraced ?? 0;
  const dropped = measured.reasons ? withUntraced(droppedOf(sums, measured.reasons), untraced) : [];
  const own = { enqueued: sums.enqueued, transmitted: sums.enqueued - sums.redirected };
  const { enqueued, transmitted } = balance?.known === false ? NOT_KNOWN : (balance ?? own);
  const read = balance?.read ?? Math.max(0, sums.consumed - sums.consumedByVhost);
  return {
    dropped,
    offered: transmitted === undefined ? undefined : transmitted + sumOf(sums.dropped) + untraced,
    offeredBytes: measured.counted ? sums.offeredBytes : undefined,
    enqueued,
    consumed: measured.consumedCounted ? { read, vhost: sums.consumed - read } : undefined,
    ...shownCounts(sums, { freed: measured.freedMeasured, returned: measured.vhost.returned }),
    delivered: balance?.known ? balance.delivered : undefined,
  };
}

function freedOf(sums: QueueSums | undefined, deferred: boolean): Freed {
  const count = (event: QueueEvent): number => sums?.events.get(event) ?? 0;
  const [there, elsewhere] = [count('freedWhereAllocated'), count('freedElsewhere')];
  return deferred ? { there, elsewhere, deferred: count('freeDeferred') } : { there, elsewhere };
}

function wakeupsOf(sums: QueueSums | undefined): Wakeups {
  return { there: sums?.events.get('wokenWhereSent') ?? 0, elsewhere: sums?.events.get('wokenElsewhere') ?? 0 };
}

/** The kernel counted them, and no program saw why. */
function withUntraced(dropped: readonly ReasonCount[], untraced: number): readonly ReasonCount[] {
  if (untraced === 0) return dropped;
  const known = dropped.find(({ reason }) => reason === 'UNTRACED');
  const others = dropped.filter((one) => one !== known);
  return [...others, { reason: 'UNTRACED', packets: (known?.packets ?? 0) + untraced }];
}

function droppedOf({ dropped, rare }: QueueSums, reasons: DropReasons): readonly ReasonCount[] {
  const named = dropped.flatMap((packets, slot) => {
    const reason = reasons.slotNames[slot];
    return reason && (packets > 0 || reasons.alwaysShown.includes(slot)) ? [{ reason, packets }] : [];
  });
  const rareNamed = [...rare].map(([number, packets]) => ({ reason: reasons.name(number), packets }));
  // The map of rare reasons may be full, or a packet behind the row.
  const unnamed =
    (dropped[reasons.slotNames.indexOf('')] ?? 0) - rareNamed.reduce((sum, { packets }) => sum + packets, 0);
  return [...named, ...rareNamed, ...(unnamed > 0 ? [{ reason: 'other', packets: unnamed }] : [])];
}
