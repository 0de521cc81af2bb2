// SPDX-License-Identifier: Apache-2.0
// The one shared vocabulary: what was seen of the host at one moment. Pure data; src/agent takes it.
import type { UnroutedDrop } from './collectors/drops/state.ts';
import type { Ended } from './collectors/ended/state.ts';
import type { Reader } from './collectors/readers/state.ts';
import type { Macvtap, Receive, Redirected, UncountedLoss } from './collectors/receive/state.ts';
import type { Vhost, VhostBatches } from './collectors/vhost/state.ts';
import type { CountingProcess } from './snapshot/counting.ts';
import type { Freed, Wakeups } from './snapshot/cpu-sides.ts';
import type { Identity } from './snapshot/identity.ts';
import type { Monitor, VirtualCpus } from './snapshot/machine.ts';
import type { BridgePort } from './snapshot/port-state.ts';
import type { RowCounts } from './snapshot/row-counters.ts';
import type { UnseenPackets } from './snapshot/unseen.ts';

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
export interface QueueCounters extends RowCounts {
  readonly dropped: readonly ReasonCount[];
  // undefined from here on: no mechanism measures it on this host, or at this level.
  readonly offered: number | undefined;
  readonly offeredBytes: number | undefined;
  /** Redirected frames are in it. */
  readonly enqueued: number | undefined;
  /** Taken out of the ring, by reader; what vhost gave back is in it. */
  readonly consumed: { readonly read: number; readonly vhost: number } | undefined;
  readonly delivered: number | undefined;
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
  /** The part of `offered` that the soft interrupt NET_TX sent. */
  readonly sentBySoftirq: number;
}

/** One conservation equation; imbalance in packets (of `stops` in stops), 0 when the queue is at rest. */
export interface AuditResult {
  readonly equation: string;
  readonly imbalance: number;
}

/** The process that holds a queue's file descriptor. */
export interface Owner {
  readonly pid: number;
  readonly comm: string;
  /** Unix time, seconds; undefined: not known. */
  readonly startedAt: number | undefined;
  /** undefined: not looked up yet, or it could not be made sure that what was read is of this process. */
  readonly identity: Identity | undefined;
  /** The monitor of QEMU, where there is one. */
  readonly monitor?: Monitor;
  /** The virtual CPUs of a VM for which packets wait. */
  readonly vcpus?: VirtualCpus;
}

export interface Ring {
  readonly capacity: number;
  /** Entries waiting in the ring; slots that were consumed and not yet zeroed are not among them. */
  readonly occupancy: number;
  /** Slots that were consumed and not yet zeroed: the producer cannot use them. */
  readonly lag: number;
  /** The highest occupancy of the last one to two minutes; undefined: nothing was offered yet. */
  readonly highwater: number | undefined;
}

/** How often which values were seen. `buckets[n]`: values of n bits, that is below 2^n and not below 2^(n-1). */
export interface Observations {
  readonly buckets: readonly number[];
  readonly sum: number;
}

/** Figures that are sampled or rare; undefined: no mechanism measures it on this host. */
export interface RingHistory {
  /** Packets in the ring when one arrived, one arrival of 128. */
  readonly arrivals: Observations | undefined;
  /** Nanoseconds in the ring, of every second of these packets as far as they were found again. */
  readonly sojourn: Observations | undefined;
  readonly overflow: Overflow | undefined;
}

/** Drops because the ring was full. An episode lasts until the ring is empty again; packets unless named otherwise. */
export interface Overflow {
  /** Dropped in a row, until one was taken. */
  readonly bursts: Observations;
  readonly episodes: number;
  /** Ended episodes, by what each dropped; undefined: an older recording. */
  readonly sizes?: EpisodeSizes | undefined;
  /** What the largest episode of the last one to two minutes would have needed; 0: none has ended. */
  readonly needed: number;
  /** Dropped in the present episode; 0: there is none. */
  readonly openPackets: number;
  readonly openSeconds: number;
}

/** Episodes by half octaves: [2n] dropped 2^(n-1) or more, [2n + 1] 1.5 times that, and below the next; the last has no end. */
export interface EpisodeSizes {
  readonly episodes: readonly number[];
  /** What those of each half octave dropped together. */
  readonly dropped: readonly number[];
}

/** Stops and wakes of a queue that is stopped instead of dropping. */
export interface Flow {
  readonly stops: number;
  /** Stops of which only the wakes were seen. */
  readonly stopsInferred: number;
  readonly wakes: readonly { readonly cause: string; readonly wakes: number }[];
  /** Ended without a wake. */
  readonly stopsUnwoken: number;
  /** Due under the ring's lock, and not come. */
  readonly wakesLost: number;
  /** Wakes on another CPU than that of the newest packet's sender. */
  readonly wakesElsewhere: number;
  /** The present stop is in it. */
  readonly stoppedSeconds: number;
  /** Seconds of the present stop; undefined: the queue is not stopped. */
  readonly stoppedForSeconds: number | undefined;
  /** Nanoseconds. */
  readonly stopDurations: Observations;
  /** Nanoseconds from a wake to the next packet. */
  readonly resumeLatencies: Observations;
  /** Packets sent by the soft interrupt NET_TX. */
  readonly sentBySoftirq: number;
}

/** How often queues came to a device and went: opened and closed, attached and detached by TUNSETQUEUE. */
export interface QueueChanges {
  readonly joined: number;
  readonly left: number;
}

export interface Queue {
  readonly index: number;
  readonly ring: Ring | undefined;
  readonly counters: QueueCounters | undefined;
  readonly history: RingHistory | undefined;
  /** undefined: it does not stop, or no probe sees it. */
  readonly flow: Flow | undefined;
  readonly perCpu: readonly CpuCounters[];
  readonly owner: Owner | undefined;
  /** undefined: nothing looks at readers on this host. */
  readonly reader: Reader | undefined;
  /** undefined: it never served this queue, or it was not seen. */
  readonly vhost: Vhost | undefined;
  readonly freed: Freed | undefined;
  readonly wakeups: Wakeups | undefined;
  /** Batches of packets from the guest; undefined: not measured, or vhost-net never handed anything over. */
  readonly receiveBatches: VhostBatches | undefined;
  /** undefined: not measured, or nothing ever was. */
  readonly redirected: Redirected | undefined;
  readonly audit: readonly AuditResult[];
  /** Its ring is not yet audited; undefined: nothing could. */
  readonly auditPending: boolean | undefined;
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
  /** How often a process cleared IFF_BACKPRESSURE; undefined: not measured. */
  readonly flowControlLost: number | undefined;
  /** Queues with a ring, those without one that packets were offered to, and all that had a reader if none has. */
  readonly queues: readonly Queue[];
  /** undefined: rtnetlink tells it of multi-queue devices only. */
  readonly attachedQueues: number | undefined;
  readonly detachedQueues: number | undefined;
  /** Changes since the device was first seen; undefined: not measured. */
  readonly queueChanges: QueueChanges | undefined;
  readonly counters: DeviceCounters | undefined;
  /** Packets that conntrack itself dropped in the namespace; undefined: there is none, or an older recording. */
  readonly conntrackDropped?: number | undefined;
  readonly otherDropped: readonly OtherDrop[] | undefined;
  readonly receive: Receive | undefined;
  /** undefined: it is none. */
  readonly macvtap: Macvtap | undefined;
  /** undefined: it is none, or an older recording; 'unread': the types of the bridge cannot be read. */
  readonly bridgePort?: BridgePort | 'unread' | undefined;
  readonly uncounted: readonly UncountedLoss[];
  /** Since it was first seen; undefined: not measured, or an older recording. */
  readonly unseen?: UnseenPackets | undefined;
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
  /** What the programs saw and could not count as they should, by cause. */
  readonly eventsLost: readonly LostEvents[];
  /** Inode number of the namespace that the agent runs in. */
  readonly netns: number | undefined;
  /** Namespaces that were seen but could not be entered. */
  readonly namespacesUnresolved: number;
  /** Names of namespaces by inode number, where they have one. */
  readonly namespaceNames: ReadonlyMap<number, string>;
  /** Where those are mounted, by inode number; undefined: it was not recorded. */
  readonly namespacePaths: ReadonlyMap<number, string> | undefined;
  /** Where the host limits CPU time; undefined: nowhere, or it was not recorded. */
  readonly cpuCgroup?: { readonly version: 1 | 2; readonly root: string } | undefined;
  /** Snapshots in which a namespace or the walk could not be read completely, since start. */
  readonly incompleteSnapshots: number;
  /** Looks at owners, drivers and the budget that failed since the start, and why the last did; no `reason`: it succeeded. Absent: not recorded. */
  readonly failedLooks?: { readonly count: number; readonly reason?: string | undefined } | undefined;
  /** What watching costs, as shares of all CPUs, by part: kernel, agent; empty: not measured yet. */
  readonly overhead: ReadonlyMap<string, number>;
  /** lean: the budget was passed, nothing is counted on the enqueue path. */
  readonly level: 'exact' | 'lean';
  /** How often the budget was passed. */
  readonly sheds: number;
  /** Seconds between two snapshots, and each how many-th is judged; absent: it was not recorded. */
  readonly pace?: { readonly seconds: number; readonly judgedEvery: number } | undefined;
  /** How many sets of mechanisms have measured since the agent started, this one included; undefined: it was not recorded. */
  readonly epoch: number | undefined;
  /** Packets that the host dropped before it chose an output device; absent: not measured, or not recorded. */
  readonly unrouted?: readonly UnroutedDrop[] | undefined;
  readonly counting?: CountingProcess | undefined;
  /** Devices that have ended; absent: not measured, or not recorded. */
  readonly ended?: Ended | undefined;
  /** Devices that --device-include or --device-exclude leaves out of this snapshot; absent: none, or it was not recorded. */
  readonly hiddenDevices?: number | undefined;
  /** Duration of the last snapshot, seconds. */
  readonly snapshotSeconds: number;
}

export interface Snapshot {
  /** Seconds since 1970. */
  readonly takenAt: number;
  readonly devices: readonly Device[];
  readonly agent: AgentState;
}

/** All packets that this queue dropped, for all reasons. */
export function droppedPackets(counters: QueueCounters): number {
  return counters.dropped.reduce((sum, { packets }) => sum + packets, 0);
}
