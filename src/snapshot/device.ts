// SPDX-License-Identifier: Apache-2.0
// One device at one moment, with its queues.
import type { Firewall } from './firewall.ts';
import type { ProgramSide } from './program.ts';
import type { AuditResult, Queue, ReasonCount } from './queue.ts';
import type { MacvtapReach, Surroundings } from './surroundings.ts';

/** How a device treats a sender that is faster than its reader. */
export type FlowControl = 'tail-drop' | 'backpressure' | 'backpressure-inactive';

/** Packets lost before tun (qdisc, bridge, no reader), by the kernel function that freed them. */
export interface OtherDrop extends ReasonCount {
  readonly location: string;
  /** Broadcasts and multicasts from the guest that the host has no use for: they are meant for others, and none is lost. */
  readonly unwanted?: boolean;
  /** Of packets that only their address told to be for the guest: the other device where they were freed. */
  readonly device?: string;
  /** Of that device: the kind of the bond or team that it is a port of, if it is not known to be an active one. */
  readonly portOf?: 'bond' | 'team';
  /** It was lost after it had left the device's reach; absent: the kernel still knew by which device it had come. */
  readonly beyond?: Beyond;
}

/** Behind a veth, a netkit or a tunnel. */
interface Beyond {
  /** Inode number of the network namespace where it was lost. */
  readonly netns: number;
  /** The device by which it had left. */
  readonly sentBy: string;
}

/** How often queues came to a device and went: opened and closed, attached and detached by TUNSETQUEUE. */
export interface QueueChanges {
  readonly joined: number;
  readonly left: number;
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

/** Writes from the guest or writer that the kernel refused with one errno. */
export interface RefusedWrites {
  readonly errno: string;
  readonly writes: number;
}

/** Packets from the guest or writer to the host that the kernel's own counters do not tell. undefined: not measured. */
interface Receive {
  readonly dropped: readonly OtherDrop[] | undefined;
  /** tun passed them on, and the host freed them, at whatever depth: firewall, rp_filter, no route, a full socket or qdisc, unknown protocol. */
  readonly refusedByHost?: readonly OtherDrop[] | undefined;
  /** Ids of the XDP programs that see what the guest or writer sends: in tun, and behind it (generic); 0: none. */
  readonly xdp?: { readonly native: number; readonly generic: number } | undefined;
  readonly refused: readonly RefusedWrites[] | undefined;
  /** Packets with a virtio-net header that tun could not follow. */
  readonly frameErrors: number | undefined;
}

/** Packets of a macvtap or ipvtap; its receive side is the way towards the guest or reader. */
interface Macvtap {
  /** Packets, including those dropped. */
  readonly offered: number;
  readonly dropped: readonly OtherDrop[];
  /** undefined: not measured. */
  readonly delivered: number | undefined;
  /** Packets from the guest or writer. */
  readonly written: number;
  /** Packets from it that were not sent: the device below refused them, or had no carrier; undefined: an older recording. */
  readonly refused?: number;
  /** undefined: no person asks, the kernel refuses the program, or an older recording. */
  readonly sendDrops?: SendDrops | undefined;
  /** undefined: no person asks, the kernel refuses the programs, or an older recording. */
  readonly reach?: MacvtapReach | undefined;
}

/** What the guest or writer of a macvtap sent and the host freed on its way out, since a person asks. */
export interface SendDrops {
  readonly dropped: readonly OtherDrop[];
  /** Packets of these that were freed in front of the device itself, which counts them nowhere. */
  readonly beforeCounted: number;
}

/** Packets that are lost and that no counter of the kernel's has. */
export interface UncountedLoss {
  readonly cause: string;
  readonly packets: number;
}

/** Packets from the guest or writer that the host has sent on. */
export interface SentOn {
  /** The first device that they left by; undefined: copies left by several. */
  readonly device?: string;
  /** How many devices each of them left by. */
  readonly ports: number;
  /** Since the question was asked. */
  readonly packets: number;
}

/** Whether anybody answers the guest. */
export interface AskedFor {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** Questions that came from it, and answers that were sent to it. */
  readonly asked: number;
  readonly answered: number;
}

/** Packets from the guest or writer in front of a device, where the kernel no longer knows by which device they came. */
export interface WaitBeyond {
  readonly device: string;
  /** The namespace of that device. */
  readonly netns: number;
  /** The device by which they left the namespace of the tun or tap, or went into a tunnel. */
  readonly sentBy: string;
  /** That have left its qdisc. */
  readonly packets: number;
  /** In it, all of these together. */
  readonly seconds: number;
}

/** BR_STATE_…, uapi/linux/if_bridge.h, in the kernel's order. */
export const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;

type PortState = (typeof PORT_STATES)[number];

export interface BridgePort {
  /** The bridge's name. */
  readonly bridge: string;
  readonly bridgeUp: boolean;
  readonly state: PortState;
  /** Who decides the state: only the operator, the kernel, or a daemon. */
  readonly stp: 'off' | 'kernel' | 'user';
  /** Passes only frames of VLANs that a port allows; undefined: an older recording. */
  readonly filtersVlans?: boolean;
  /** The port is isolated: isolated ports of one bridge forward nothing to each other. */
  readonly isolated: boolean;
  /** The number of other isolated ports on this bridge; 0 if this port is not isolated. */
  readonly isolatedBeside: number;
  /** Learns the addresses behind it. */
  readonly learns: boolean;
  /** Is sent what goes to an address that the bridge does not know. */
  readonly floods: boolean;
}

/** A mark ends this long after the last packet that was not seen. */
export const MARKED_SECONDS = 30;

/** Packets that the kernel's own counters prove and no program of ours saw: the kernel skipped it, or they came past it. */
export interface UnseenPackets {
  /** Entered a ring. A device of one queue has them in its figures; of several queues, the device alone. */
  readonly enqueued: number;
  /** Dropped by tun (tx_dropped), and explained by no other loss; UNTRACED where there is one queue. */
  readonly dropped: number;
  /** While single queues of several are marked for lacking them: why, in a sentence. The device’s own figures are exact. */
  readonly split?: string | undefined;
}

/** The part of a qdisc tree in which most of the packets stand. */
export interface BacklogHolder {
  /** 'tbf', 'fq_codel'. */
  readonly kind: string;
  /** As in `tc`: 0x80010000 is 8001:; 0: the default qdisc, which has none. */
  readonly handle: number;
  /** The class of a qdisc in which they stand, 0x00010010 is 1:10; 0: none. */
  readonly class: number;
  /** The queue that has the qdisc for itself (mq); undefined: all queues share it. */
  readonly queue: number | undefined;
  readonly packets: number;
  /** Packets that left it since it was made; undefined: not measured. */
  readonly sent: number | undefined;
}

/** Packets that stand in the qdiscs in front of a device. */
export interface QdiscBacklog {
  readonly packets: number;
  readonly bytes: number;
  /** Since the qdisc was made; 32 bits, as the kernel has them. */
  readonly dropped: number;
  /** Packets that were taken out and put back, because the queue was stopped meanwhile. */
  readonly requeues: number;
  /** Packets times the seconds for which they stood, since the device was first seen: at least that much. */
  readonly packetSeconds: number;
  /** undefined: nothing stands. */
  readonly holder: BacklogHolder | undefined;
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
  /** undefined: it has no qdisc that holds packets, it cannot be read, or an older recording. */
  readonly backlog?: QdiscBacklog | undefined;
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
  /** Of its namespace; undefined: the packets were judged without it, it may not be read, or nothing was dropped by it. */
  readonly firewall?: Firewall | undefined;
  /** undefined: no person asks, or an older recording. */
  readonly surroundings?: Surroundings | undefined;
  /** undefined: no person asks, the kernel refuses the programs, or an older recording. */
  readonly sentOn?: readonly SentOn[] | undefined;
  /** What the guest or writer sent, and was lost behind such a device, since a person asks. */
  readonly lostBeyond?: readonly OtherDrop[] | undefined;
  /** Of that, freed by whom it was not for, though another has or had a copy of it: a packet socket, a mirror, the host's own stack. */
  readonly copiesBeyond?: number | undefined;
  /** How long it waited behind such a device, in front of others, since a person asks. */
  readonly waitsBeyond?: readonly WaitBeyond[] | undefined;
  /** MAC addresses that its guest asked for (ARP, neighbour discovery), since a person asks. */
  readonly askedFor?: readonly AskedFor[] | undefined;
  /** Multicast groups beyond the link that its guest or writer sends to, since a person asks. */
  readonly toGroups?: readonly { readonly address: string; readonly packets: number }[] | undefined;
  /** What becomes of its packets and cannot be seen, for the kernel refuses the programs: with the reason, in sentences. */
  readonly unfollowed?: readonly string[] | undefined;
  /** undefined: nobody asks, nothing tells, or an older recording. */
  readonly programSide?: ProgramSide | undefined;
  readonly uncounted: readonly UncountedLoss[];
  /** Since it was first seen; undefined: not measured, or an older recording. */
  readonly unseen?: UnseenPackets | undefined;
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
}

/** What is not known of a device. */
export const NO_DEVICE = {
  flowControlLost: undefined,
  queueChanges: undefined,
  counters: undefined,
  otherDropped: undefined,
  receive: undefined,
  macvtap: undefined,
  uncounted: [],
  audit: [],
  degraded: [],
} as const satisfies Partial<Device>;
