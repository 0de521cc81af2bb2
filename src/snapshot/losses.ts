// SPDX-License-Identifier: Apache-2.0
// Packets lost on their way to a guest or reader, together and singly, and from one, together, as `tapscope drops` reports them.
import type { EndedDevice } from './deleted-devices.ts';
import type { Owner } from './owner.ts';

/**
 * tun: its transmit function freed it. before: a qdisc, bridge, filter or missing reader did, before tun. purged, resized,
 * failed, overflowed: it was in the ring already, and no counter of the kernel shows it. written: a guest or writer sent
 * it, and tun freed it. after: tun passed it on, and the host freed it. beyond: it had left by a veth or a tunnel.
 */
export type LossPlace =
  | 'tun'
  | 'before'
  | 'purged'
  | 'resized'
  | 'failed'
  | 'overflowed'
  | 'written'
  | 'after'
  | 'beyond';

/** The place of a loss that was not at the device itself. */
export interface LossElsewhere {
  readonly netns: number;
  readonly namespace: string | undefined;
  /** undefined: not known. */
  readonly device: string | undefined;
}

export interface LossSubject {
  /** Inode number of the network namespace, and its name if it has one. */
  readonly netns: number;
  readonly namespace: string | undefined;
  readonly device: string;
  /** undefined: it was lost before a queue was chosen, or the queue is not known. */
  readonly queue: number | undefined;
  readonly where: LossPlace;
  /** The kernel's drop reason without its prefix; UNTRACED: the device counted it, and the kernel gave no reason. */
  readonly reason: string;
  /** The kernel function that freed it; undefined: untraced. */
  readonly location: string | undefined;
  /** undefined: no process holds the queue, or the holder is hidden. */
  readonly owner: Owner | undefined;
  /** Absent: at the device, or in its own namespace. */
  readonly elsewhere?: LossElsewhere;
}

/** Packets of one second. */
export interface Loss extends LossSubject {
  readonly packets: number;
}

export interface PacketFlow {
  /** TCP, UDP, ICMP, ARP, …; a number where it has no name here. */
  readonly protocol: string;
  /** undefined: the protocol has none, or they were not to be read. */
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  /** What else tells packets of the protocol apart: TCP's flags, the type of an ICMP, 'fragment'; '': nothing. */
  readonly detail: string;
}

export interface LossPacket extends LossSubject {
  /** Seconds since 1970. */
  readonly at: number;
  readonly bytes: number;
  readonly flow: PacketFlow;
}

/** The stack of the first packet of its kind. */
export interface LossStack extends LossSubject {
  /** Kernel functions, from the one that freed the packet outwards. */
  readonly frames: readonly string[];
}

/** Packets that were lost and not shown singly, by why. */
export interface NotShown {
  readonly overLimit: number;
  /** The ring buffer had none. */
  readonly noRoom: number;
  /** The kernel gave no reason for them: they are known from the device's own counter. */
  readonly untraced: number;
}

/** `namespace`: its name; undefined: it has none. */
type EndedPlace = EndedDevice & { readonly namespace?: string | undefined };

export interface LossSummary {
  readonly seconds: number;
  readonly packets: number;
  readonly shown: number;
  readonly notShown: NotShown;
  /** Were to be shown when the last line had been. */
  readonly afterEnd: number;
  /** On their way to a guest or reader; `packets` is their sum. */
  readonly losses: readonly Loss[];
  /** Beside these: at other devices, and of what guests or writers sent. They are never shown singly. */
  readonly elsewhere: readonly Loss[];
  /** Untraced, while only packets of one reason were asked for. */
  readonly reasonUnknown: number;
  /** Followed devices that went away: their last untraced losses are in no count. */
  readonly devicesGone: number;
  /** Devices that have ended meanwhile, those too that no look saw; `latest`: the last of them. */
  readonly ended: { readonly devices: number; readonly latest: readonly EndedPlace[] };
  /** Packets that the program saw and could not count, or did not see for it was not run. */
  readonly uncounted: number;
  readonly skipped: number;
  /** CPU time of this process, as a share of one CPU. */
  readonly ownCpu: number;
}
