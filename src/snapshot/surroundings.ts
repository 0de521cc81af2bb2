// SPDX-License-Identifier: Apache-2.0
// What the configuration around a device does with its packets, where no probe on the device sees it. Read while a person asks.

/** When the surroundings of a namespace's devices were last read, Unix time in seconds: counters are as of `since`, tables as of `until` at the latest. */
export interface SurroundingsRead {
  readonly netns: number;
  readonly since: number;
  readonly until: number;
}

/** A tc filter (mirred) that sends packets of one device to another. */
export interface TcRedirect {
  /** Whose packets are taken. */
  readonly from: string;
  /** Where they are sent; empty: that device is gone. */
  readonly to: string;
  readonly hook: 'ingress' | 'egress';
  /** The packet goes on where it was, and a copy is sent. */
  readonly isCopy: boolean;
  readonly packets: number;
  /** Packets of these that were not sent: the other device was down or had no carrier, or its qdisc refused them. */
  readonly failed: number;
  /** The other device is up and has a carrier; undefined: it is gone, or an older recording. */
  readonly isOpen?: boolean;
}

/** An address behind the device, or in its subnet, for which the host takes another way. */
export interface StrayAddress {
  readonly address: string;
  /** The host knows it as a neighbour on this device. */
  readonly isNeighbour: boolean;
  /** The device that the route leads to; undefined: it ends the packet, or the host takes it for its own. */
  readonly device?: string;
  /** 'unicast', 'blackhole', … */
  readonly route: string;
}

/** An address of the guest that its bridge has elsewhere. */
export interface MisplacedAddress {
  readonly address: string;
  /** The port that the bridge sends to. */
  readonly port: string;
  /**
   * static: a program wrote it there. local: the bridge takes it for its own, so that the host gets its frames. twice: another guest sends
   * from it too. learned: it was seen there after the guest sent.
   */
  readonly how: 'static' | 'local' | 'twice' | 'learned';
}

/** Frames that came to the bridge and that it does not send to the port. */
export interface WithheldFrames {
  /** Of the guest, or of a group. */
  readonly address: string;
  /** 0: the bridge filters none. */
  readonly vlan: number;
  /** The port that they came in by, or the bridge, where the host itself sends. */
  readonly from: string;
  /**
   * elsewhere: the bridge has the address at another port. vlan-in, vlan-out: the port that they came in by, or this one, does not allow the VLAN.
   * closed: the port that they came in by does not forward. group: it snoops, and no port has reported the group. no-flood: the port gets no frames to unknown groups, or no broadcasts.
   * pinned: a program wrote the address to another tap's port, by which nobody sends from it; nobody has sent by this one.
   */
  readonly cause: 'elsewhere' | 'closed' | 'vlan-in' | 'vlan-out' | 'group' | 'no-flood' | 'pinned';
  /** Since the question was asked, while the tables said so. */
  readonly packets: number;
}

/** Frames from the guest that the bridge does not send where they should go. */
export interface AstrayFrames {
  readonly address: string;
  /** 0: the bridge filters none. */
  readonly vlan: number;
  /**
   * host: the bridge takes the address for one of its own, at this port. no-flood: this port gets no frames to unknown groups, or no broadcasts.
   * kept: they are of a protocol between neighbours (01:80:c2:00:00:0x), and this bridge does not forward them. unknown: this bridge has seen
   * nobody send from the address, though others, and floods them. unreported: it snoops, and nobody has reported the group.
   */
  readonly cause: 'host' | 'no-flood' | 'kept' | 'unknown' | 'unreported';
  readonly port: string;
  /** Since the question was asked, while the tables said so. */
  readonly packets: number;
}

export interface BridgeTable {
  /** Addresses that the bridge has at the port, its own apart. */
  readonly addresses: number;
  readonly isLocked: boolean;
  /** VLANs that the port allows; undefined: the bridge filters none. */
  readonly vlans?: number;
  /** The VLAN of frames without a tag; undefined: they are dropped, or the bridge filters none. */
  readonly pvid?: number;
  readonly misplaced: readonly MisplacedAddress[];
  readonly withheld: readonly WithheldFrames[];
  /** undefined: an older recording. */
  readonly astray?: readonly AstrayFrames[];
}

/** Packets that stand in the qdiscs of a device of the namespace. */
export interface OthersBacklog {
  readonly device: string;
  /** Of the root: 'tbf', 'mq'. */
  readonly kind: string;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that left it since it was made. */
  readonly sent: number;
  /** Devices that send by it: VLANs, macvlans and tunnels on it, and the bond or team that it is a port of; absent: none. */
  readonly above?: readonly string[];
  /** What comes in by a device that is no tun or tap is redirected to it (an IFB). */
  readonly holdsIncoming?: true;
  /** The bridge that it is a port of; absent: none. */
  readonly bridge?: string;
}

/** Packets for the guest, by the address that they carry, that were freed where nothing else says so. */
export interface LostOnTheWay {
  readonly reason: string;
  readonly location: string;
  /** Where they were freed: the device by which they came, or by which they were to be sent. */
  readonly device: string;
  /** The kind of the bond or team that it is a port of, if it is not known to be an active one. */
  readonly portOf?: 'bond' | 'team';
  /** Since the question was asked. */
  readonly packets: number;
}

/** To whom the guest of a macvtap sends. Frames are counted since the question was asked. */
export interface MacvtapReach {
  /** Of the macvtap: it takes frames to this one and to many. */
  readonly address: string;
  readonly mode: 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';
  /** Frames to any address. */
  readonly takesAll: boolean;
  /** The device that it was made on; undefined: that is in another namespace. */
  readonly below?: string;
  /** Addresses that the guest sends from; `arrived`: frames to that address that came in by the device below. */
  readonly senders: readonly { readonly address: string; readonly packets: number; readonly arrived: number }[];
  /** The device below and others on it that frames of the guest reach by the network alone. */
  readonly beside: readonly { readonly device: string; readonly address: string; readonly packets: number }[];
  /** Of guests on the same device below: frames to this one that the network would have to send back. */
  readonly missed: readonly { readonly device: string; readonly address: string; readonly packets: number }[];
  /** Frames to its address that came in by the device below. */
  readonly arrived: number;
  /** Frames of the guest that the network sent back by the device below. */
  readonly returned: number;
  /** Frames to groups and to all. */
  readonly toMany: number;
}

/** Where packets may end so that no counter and no reason says so. */
export interface SilentEnd {
  readonly device: string;
  /**
   * xdp: an XDP program of the device; ingress, egress: a BPF program that tc runs there, or an action; dummy: a device that throws away what is
   * sent to it; ifb: one that throws away what no filter redirects to it; redirected: one that a filter redirects to, where it is not counted.
   */
  readonly how: 'xdp' | 'ingress' | 'egress' | 'dummy' | 'ifb' | 'redirected';
  /** Of tc: only actions that steal or trap packets, or a filter that redirects them to another device; absent: a BPF program. */
  readonly by?: 'action' | 'redirect';
  /** Of XDP: what it ends was never a packet that could be freed. */
  readonly isNative?: true;
  /** Packets of this way that ended there, since the question was asked: of XDP frames to any device. Absent: they cannot be counted. */
  readonly ended?: number;
  /** Packets to the guest or reader, or from it. */
  readonly way: 'to' | 'from';
  /** Packets that came in by another device, those that ended there too; absent: it is no way to the guest. */
  readonly received?: number;
}

interface ForeignSource {
  readonly from: string;
  readonly as: string;
}

export interface CountedPackets {
  readonly counter: string;
  /** Since the namespace was made. */
  readonly packets: number;
}

export interface Surroundings {
  /** User and group that may attach; undefined: nobody was named. */
  readonly owner?: number;
  readonly group?: number;
  /** The host sends on what comes in by it; absent: it does not, or an older recording. */
  readonly forwards?: true;
  readonly redirects: readonly TcRedirect[];
  readonly strays: readonly StrayAddress[];
  /** Of devices in whose qdiscs packets stand; undefined: an older recording. */
  readonly backlogs?: readonly OthersBacklog[];
  /** undefined: an older recording. */
  readonly lost?: readonly LostOnTheWay[];
  /** undefined: it is no port of a bridge, or its tables were not read. */
  readonly table?: BridgeTable;
  /** The kind of the bond or team that it is a port of, if it is not known to be an active one. */
  readonly portOf?: 'bond' | 'team';
  /** By device: packets that it was given and did not send, by its own counters; without tuns and taps. undefined: an older recording. */
  readonly unsent?: readonly CountedPackets[];
  /** Sources that the host writes into its packets (SNAT) and does not have, for connections without an answer; undefined: an older recording. */
  readonly foreignSources?: readonly ForeignSource[];
  /** Packets that the namespace did not let its programs send, by the kernel's counter (XfrmOutPolBlock); undefined: an older recording. */
  readonly refusedSends?: readonly CountedPackets[];
  /** Packets that the host itself took and did not serve, by counter of the namespace (ListenDrops); undefined: an older recording. */
  readonly unserved?: readonly CountedPackets[];
  /** undefined: an older recording. */
  readonly silentEnds?: readonly SilentEnd[];
  /** What could not be read, and why, in sentences. */
  readonly unread: readonly string[];
}
