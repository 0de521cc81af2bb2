// SPDX-License-Identifier: Apache-2.0
// The program's side of a device: its sockets, its reads, its send buffer, and how its writes spread flows. Read while a person asks.

/** What the kernel holds of the packets that a program wrote to a queue. */
export interface SendBuffer {
  /** Bytes, as the kernel charges them (sk_wmem_alloc): more than the packets' own. */
  readonly inFlight: number;
  /** Bytes (sk_sndbuf); 2 147 483 647 is none. */
  readonly limit: number;
  /** A write found the buffer full, and was refused or had to wait, since the queue was opened. */
  readonly hasRefused: boolean;
  /** A poll found no room, and there has been none since. */
  readonly isAwaited: boolean;
}

export type SocketKind = 'UDP' | 'TCP' | 'raw' | 'unix' | 'packet';

/** A socket of a process that holds a queue of the device, or of one that forked it or that it forked, in whichever namespace it is. */
export interface ProgramSocket {
  /** As `ss -e` shows it. */
  readonly inode: number;
  readonly pid: number;
  readonly comm: string;
  readonly kind: SocketKind;
  /** Local; 0: none. */
  readonly localPort: number;
  /** Of a packet socket: the device that it is bound to; 0: any. */
  readonly ifindex?: number;
  /** `pid` does not hold the queue: it is the parent or a child of the process that does, and runs the same program. */
  readonly isRelative?: boolean;
  /** Inode number of its network namespace. */
  readonly netns: number;
  /** Packets since it was opened: its buffer was full, or the checksum was wrong. */
  readonly drops: number;
  /** Bytes that wait in it, and at most may, as the kernel charges them. */
  readonly received: number;
  readonly receiveLimit: number;
  readonly sent: number;
  readonly sendLimit: number;
  /** A send found the buffer full, and was refused or had to wait, since it was opened. */
  readonly hasRefused: boolean;
  /** Of unix datagrams: the other end of its connection holds as many as it may (net.unix.max_dgram_qlen). */
  readonly isPeerFull?: boolean;
  /** The same of this end: whoever sends to it is refused, or waits. */
  readonly isFull?: boolean;
  /** Of TCP: it waits for connections, and its drops are requests that its accept queue had no room for. */
  readonly isListening?: boolean;
}

/** What the programs that hold a device got by read() and readv(), of any file (rchar and syscr of /proc/PID/io). */
export interface ProgramReads {
  /** Of which processes or threads: figures of others cannot be compared with these. */
  readonly readers: string;
  readonly threads: number;
  /** Bytes: before the device's counters were read, and behind that. */
  readonly bytesBefore: number;
  readonly bytes: number;
  /** Calls, in the same way. */
  readonly callsBefore: number;
  readonly calls: number;
}

/** What the programs that hold a device wrote by write() and writev(), to any file (wchar and syscw): of calls those that failed too. */
export interface ProgramWrites {
  /** Of which processes. */
  readonly writers: string;
  /** Bytes: before the device's counters were read, and behind that. */
  readonly bytesBefore: number;
  readonly bytes: number;
  /** Calls, in the same way. */
  readonly callsBefore: number;
  readonly calls: number;
}

/** What the program wrote in the last three seconds, by the queue that the answers to it go to (tun's flow table). */
export interface FlowTable {
  readonly flows: number;
  /** By queue index; the table counts the first 64 queues by themselves. */
  readonly flowsOfQueues: readonly number[];
  /** A BPF program of the device's owner chooses the queue instead (TUNSETSTEERINGEBPF). */
  readonly isSteered: boolean;
}

export interface ProgramSide {
  /** Processes that hold a queue of the device. */
  readonly holders: number;
  readonly sockets: readonly ProgramSocket[];
  /** undefined: not to be known; `unreadable` says why. */
  readonly reads?: ProgramReads;
  /** undefined: not to be known, or an older recording. */
  readonly writes?: ProgramWrites;
  /** undefined: it has one queue. */
  readonly flowTable?: FlowTable;
  /** Bytes; undefined: of a macvtap. */
  readonly mtu?: number;
  /** Bytes before the packet, of a read and of a write: packet information and virtio-net header. */
  readonly readHeader?: number;
  /** What is not known, and why: one short sentence each. */
  readonly unreadable: readonly string[];
}
