// SPDX-License-Identifier: Apache-2.0
// A device of the snapshot: what the walk saw, with the counters and the books that belong to it.
import type { DropReasons } from '../probes/reasons.ts';
import type { RedirectCount } from '../probes/redirects.ts';
import { type DeviceSums, emptySums, type QueueSums } from '../probes/rows.ts';
import type { WalkedDevice, WalkedQueue } from '../probes/walk.ts';
import type {
  AuditResult,
  Device,
  FlowControl,
  OtherDrop,
  Queue,
  QueueCounters,
  ReasonCount,
  Receive,
  VhostBatches,
} from '../snapshot.ts';
import type { Books, QueueBalance } from './ledger.ts';
import type { Owners } from './owners.ts';
import { uncountedOf } from './uncounted.ts';

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
  readonly books: Books | undefined;
  readonly reasons: DropReasons | undefined;
  /** undefined: nothing measures losses before tun. */
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive;
  /** By queue. */
  readonly batches: ReadonlyMap<number, VhostBatches>;
  readonly redirected: readonly RedirectCount[];
  readonly owners: Owners;
  readonly freedMeasured: boolean;
  /** Consumed packets are counted under the ring's lock. */
  readonly consumedCounted: boolean;
  /** Enqueued packets are counted, not derived. */
  readonly counted: boolean;
}

export function deviceOf(walked: WalkedDevice, measured: Measured): Device {
  const degraded = measured.books?.degraded ?? [];
  const kind = walked.tunFlags & IFF_TAP ? 'tap' : 'tun';
  const queues = queuesOf(walked, measured, degraded);
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
    queues,
    attachedQueues: walked.queues.filter(({ detached }) => !detached).length,
    detachedQueues: walked.detachedQueues,
    counters: walked.counters,
    otherDropped: measured.otherDropped,
    receive: measured.receive,
    macvtap: undefined,
    uncounted: uncountedOf({ kind, queues, ...measured }),
    audit: measured.books?.audit ?? [],
    degraded,
  };
}

/** IFF_BACKPRESSURE does nothing without a qdisc that can hold packets, and with a ring of size 0 everything is lost. */
function flowControlOf({ tunFlags, queues }: WalkedDevice): FlowControl {
  if (!(tunFlags & IFF_BACKPRESSURE)) return 'tail-drop';
  const attached = queues.filter(({ detached }) => !detached);
  return attached.every(({ hasQdisc, capacity }) => hasQdisc && capacity > 0)
    ? 'backpressure'
    : 'backpressure-inactive';
}

function queuesOf(walked: WalkedDevice, measured: Measured, degraded: readonly string[]): readonly Queue[] {
  const rings = new Map(walked.queues.filter(({ detached }) => !detached).map((queue) => [queue.index, queue]));
  const indices = [...new Set([...rings.keys(), ...(measured.sums?.keys() ?? []), ...measured.batches.keys()])].sort(
    (a, b) => a - b,
  );
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
  const balance = measured.books?.queues.get(index);
  const unknown = balance?.known === false ? ['packets of several queues cannot be told apart (lean)'] : [];
  return {
    index,
    ring: ring && { capacity: ring.capacity, occupancy: ring.occupancy },
    counters: sums && countersOf(sums, measured, balance),
    perCpu: sums?.perCpu ?? [],
    owner: ring && measured.owners.ofQueue(walked.netns, walked.name, ring.tunFile),
    batches: measured.batches.get(index),
    redirected: measured.redirected.find(({ queue }) => queue === index),
    audit: [...(sums && measured.counted ? [offeredAudit(sums)] : []), ...(balance?.audit ?? [])],
    degraded: [...degraded, ...unknown],
  };
}

/** Entry and exit of the transmit function counted apart; what came past the entry has only its drop counted. */
function offeredAudit({ offered, enqueued, redirected, dropped, bypassed }: QueueSums): AuditResult {
  return { equation: 'offered', imbalance: offered + bypassed - (enqueued - redirected) - sumOf(dropped) };
}

function countersOf(sums: QueueSums, measured: Measured, balance: QueueBalance | undefined): QueueCounters {
  const dropped = measured.reasons ? droppedOf(sums, measured.reasons) : [];
  const enqueued = balance ? (balance.known ? balance.enqueued : undefined) : sums.enqueued;
  return {
    dropped,
    offered: enqueued === undefined ? undefined : enqueued - sums.redirected + sumOf(sums.dropped),
    offeredBytes: measured.counted ? sums.offeredBytes : undefined,
    enqueued,
    consumed: measured.consumedCounted
      ? { read: Math.max(0, sums.consumed - sums.consumedByVhost), vhost: sums.consumedByVhost }
      : undefined,
    purged: measured.freedMeasured ? sums.purged : undefined,
    resized: measured.freedMeasured ? sums.resized : undefined,
    failed: measured.freedMeasured ? sums.failed : undefined,
    overflowed: measured.freedMeasured ? sums.overflowed : undefined,
    delivered: balance?.known ? balance.delivered : undefined,
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function droppedOf({ dropped, rare }: QueueSums, reasons: DropReasons): readonly ReasonCount[] {
  const named = dropped.flatMap((packets, slot) => {
    const reason = reasons.slotNames[slot];
    return reason && (packets > 0 || reasons.alwaysShown.includes(slot)) ? [{ reason, packets }] : [];
  });
  const rareNamed = [...rare].map(([number, packets]) => ({ reason: reasons.name(number), packets }));
  // The map of rare reasons may be full, or a packet behind the row.
  const unnamed = (dropped[0] ?? 0) - rareNamed.reduce((sum, { packets }) => sum + packets, 0);
  return [...named, ...rareNamed, ...(unnamed > 0 ? [{ reason: 'other', packets: unnamed }] : [])];
}
