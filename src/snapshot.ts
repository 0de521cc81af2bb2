// SPDX-License-Identifier: Apache-2.0
// The one shared vocabulary: what was seen of the host at one moment. Pure data; whoever takes it lives in src/inventory and src/probes.

/** How a device treats a sender that is faster than its reader. */
export type FlowControl = 'tail-drop' | 'backpressure' | 'backpressure-inactive';

/** One count of packets under a kernel drop reason (without its prefix). */
export interface ReasonCount {
  readonly reason: string;
  readonly packets: number;
}

/** Packets lost before tun (qdisc, bridge, no reader), by the kernel function that freed them. */
export interface OtherDrop extends ReasonCount {
  readonly location: string;
}

/** What the probes counted on one queue since its epoch began; packets unless named otherwise. */
export interface QueueCounters {
  readonly dropped: readonly ReasonCount[];
  // undefined from here on: no mechanism measures it on this host, or at this level.
  readonly offered: number | undefined;
  readonly offeredBytes: number | undefined;
  /** With the frames that were redirected. */
  readonly enqueued: number | undefined;
  /** Taken out of the ring, by whom; what vhost gave back is in it. */
  readonly consumed: { readonly read: number; readonly vhost: number } | undefined;
  readonly purged: number | undefined;
  readonly resized: number | undefined;
  /** Taken out of the ring by a reader whose buffer could not be filled. */
  readonly failed: number | undefined;
  /** Did not fit back into the ring when vhost un-consumed them. */
  readonly overflowed: number | undefined;
  readonly delivered: number | undefined;
}

/** Writes from the guest or writer that the kernel refused with one errno. */
export interface RefusedWrites {
  readonly errno: string;
  readonly writes: number;
}

/** From the guest or writer to the host, beyond what the kernel's own counters of the device tell. undefined: not measured. */
export interface Receive {
  readonly dropped: readonly OtherDrop[] | undefined;
  readonly refused: readonly RefusedWrites[] | undefined;
  /** Packets with a virtio-net header that tun could not follow. */
  readonly frameErrors: number | undefined;
}

/** Of a macvtap or ipvtap, whose receive side is the way towards the guest or reader. Packets. */
export interface Macvtap {
  /** Those dropped included. */
  readonly offered: number;
  readonly dropped: readonly OtherDrop[];
  /** undefined: not measured. */
  readonly delivered: number | undefined;
  /** From the guest or writer. */
  readonly written: number;
}

/** XDP frames that were redirected into a ring. */
export interface Redirected {
  readonly enqueued: number;
  readonly lost: number;
}

/** Batches in which vhost-net handed packets over from the guest, by their size. */
export interface VhostBatches {
  /** Packets. `buckets[i]`: batches above `bounds[i - 1]` and up to `bounds[i]`, the last: above all bounds. */
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  /** Packets of all batches. */
  readonly sum: number;
}

/** Packets that are lost and that no counter of the kernel's has. */
export interface UncountedLoss {
  readonly cause: string;
  readonly packets: number;
}

/** Events that the programs saw and could not count where they belong. */
export interface LostEvents {
  readonly cause: string;
  readonly events: number;
}

/** Counters of one queue on one CPU, for `--detail cpu`. */
export interface CpuCounters {
  readonly cpu: number;
  readonly offered: number;
  readonly dropped: number;
}

/** One conservation equation; imbalance in packets, 0 when the queue is at rest. */
export interface AuditResult {
  readonly equation: string;
  readonly imbalance: number;
}

/** The process that holds a queue's file descriptor. */
export interface Owner {
  readonly pid: number;
  readonly comm: string;
}

export interface Ring {
  readonly capacity: number;
  /** Entries waiting in the ring (facts: consumed but not yet zeroed slots are not in it). */
  readonly occupancy: number;
}

export interface Queue {
  readonly index: number;
  readonly ring: Ring | undefined;
  readonly counters: QueueCounters | undefined;
  readonly perCpu: readonly CpuCounters[];
  readonly owner: Owner | undefined;
  /** undefined: not measured, or vhost-net never handed anything over. */
  readonly batches: VhostBatches | undefined;
  /** undefined: not measured, or nothing ever was. */
  readonly redirected: Redirected | undefined;
  readonly audit: readonly AuditResult[];
  /** Why figures of this queue are not exact; empty: they are. One short sentence each. */
  readonly degraded: readonly string[];
}

/** The kernel's own counters of a device (`ip -s link`): transmit goes to the reader or guest. */
export interface DeviceCounters {
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
}

export interface Device {
  /** Inode number of the network namespace. */
  readonly netns: number;
  readonly name: string;
  readonly ifindex: number;
  /** kernfs node id, never used twice; "netns:ifindex" where only rtnetlink sees the device. */
  readonly id: string;
  readonly kind: 'tap' | 'tun' | 'macvtap' | 'ipvtap';
  readonly up: boolean;
  readonly carrier: boolean;
  readonly multiQueue: boolean;
  readonly persistent: boolean;
  readonly vnetHeader: boolean;
  /** `txqueuelen`: capacity of a ring that attaches now. */
  readonly queueLength: number;
  readonly qdisc: string | undefined;
  readonly flowControl: FlowControl | undefined;
  /** Queues with a ring, and those without one that packets were offered to. */
  readonly queues: readonly Queue[];
  /** undefined: rtnetlink tells it of multi-queue devices only. */
  readonly attachedQueues: number | undefined;
  readonly detachedQueues: number | undefined;
  readonly counters: DeviceCounters | undefined;
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive | undefined;
  /** undefined: it is none. */
  readonly macvtap: Macvtap | undefined;
  readonly uncounted: readonly UncountedLoss[];
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
}

/** One event's mechanism on this host; attached false: nothing measures it, and reason says why. */
export interface ProbeState {
  readonly event: string;
  readonly mechanism: string;
  readonly attached: boolean;
  readonly reason: string | undefined;
  /** Runs that the kernel skipped (recursion protection): events this probe did not see. */
  readonly missed: number;
}

/** The agent on itself: everything it could not see or lost. */
export interface AgentState {
  readonly probes: readonly ProbeState[];
  readonly rowsUsed: number | undefined;
  readonly rowsCapacity: number | undefined;
  /** Packets of devices that found no free row. */
  /** What the programs saw and could not count as they should, by cause. */
  readonly eventsLost: readonly LostEvents[];
  /** Namespaces that were seen but could not be entered. */
  readonly namespacesUnresolved: number;
  /** Names of namespaces by inode number, where they have one. */
  readonly namespaceNames: ReadonlyMap<number, string>;
  /** Snapshots in which a namespace or the walk could not be read completely, since start. */
  readonly incompleteSnapshots: number;
  /** What watching costs, as shares of all CPUs, by part: kernel, agent; empty: not measured yet. */
  readonly overhead: ReadonlyMap<string, number>;
  /** lean: the budget was passed, nothing is counted on the enqueue path. */
  readonly level: 'exact' | 'lean';
  /** How often the budget was passed. */
  readonly sheds: number;
  /** Duration of the last snapshot, seconds. */
  readonly snapshotSeconds: number;
}

export interface Snapshot {
  /** Seconds since 1970. */
  readonly takenAt: number;
  readonly devices: readonly Device[];
  readonly agent: AgentState;
}

/** All packets that this queue dropped, whatever the reason. */
export function droppedPackets(counters: QueueCounters): number {
  return counters.dropped.reduce((sum, { packets }) => sum + packets, 0);
}
