// SPDX-License-Identifier: Apache-2.0
// A subject: one thing that is counted, from the kernel's events to Prometheus. src/subjects/list.ts names them all, and the agent is a loop over that list.
import type { Device, UnseenPackets } from '../snapshot/device.ts';
import type { Direction, Metric } from '../snapshot/metric.ts';
import type { Identity, Owner } from '../snapshot/owner.ts';
import type { AuditResult, Queue } from '../snapshot/queue.ts';
import type { AgentState, ProbeState } from '../snapshot/snapshot.ts';
import type { AskedPrograms } from './asked-programs.ts';
import type { Probes } from './attach.ts';
import type { FreedPackets } from './freed-packets.ts';
import type { Generations } from './generations.ts';
import type { ProbeEvent } from './mechanism.ts';
import type { QueueFiles } from './program-files.ts';
import type { LoadedPrograms } from './programs.ts';
import type { Question } from './question.ts';
import type { DeviceSums, QueueSums } from './queue-sums.ts';
import type { RowsRead } from './rows.ts';
import type { Walk, WalkedDevice, WalkedQueue } from './walk.ts';

export interface Subject {
  readonly name: string;
  /** What it asks of the kernel, and by which mechanisms; an event stands behind those that it needs. */
  readonly events: readonly ProbeEvent[];
  /** Kernel modules whose functions its programs are attached to. */
  readonly modules?: readonly string[];
  /** Kernel functions that it looks up: programs trace them, or compare with their address (a variable NAME_address). */
  readonly symbols?: readonly string[];
  /** Its maps, once the programs are loaded; absent: it reads none. */
  readonly open?: (parts: Parts) => OpenSubject;
  /** In which its metrics of queues and devices count packets and bytes, where they do not say otherwise. */
  readonly direction?: Direction;
  readonly metrics?: {
    /** Subject labels: netns, device, queue; `cpu`: shown at `--detail cpu` alone. */
    readonly queue?: readonly Metric<Queue>[];
    readonly cpu?: readonly Metric<Queue>[];
    /** Subject labels: netns, device. */
    readonly device?: readonly Metric<Device>[];
    readonly agent?: readonly Metric<AgentState>[];
  };
}

/** What all subjects share while programs are loaded. */
export interface Parts {
  readonly probes: Probes;
  readonly programs: LoadedPrograms;
  readonly owners: Holders;
  readonly freed: FreedPackets;
  readonly generations: Generations;
  readonly question: Pick<Question, 'isOpen'>;
  /** What follows packets while it is. */
  readonly asked: AskedPrograms;
  /** Read while a person asks. */
  readonly programFiles: QueueFiles;
  /** The programs at this sample: asking the kernel takes a call for each. */
  readonly states: () => readonly ProbeState[];
}

/** The processes that hold queues, as the inventory knows them. */
export interface Holders {
  /** The same list while none of it changes; in the order of the device's queues. */
  ofDevice(device: WalkedDevice): readonly (Owner | undefined)[];
  /** Whose a process is, as far as that is known by now; `started`: ns since boot. */
  identityOf(pid: number, started: bigint): Identity | undefined;
}

/**
 * One sample asks: addTo() for the rows before the walk, and again behind it; read(); then for each device isAsSeen(), where its generation stayed,
 * else see(), queue() for each queue, device() and changesWithTime(); then walk(). Deleted devices end it: keepOnly() and remove().
 */
export interface OpenSubject {
  /** Once a sample, behind the rows and the walk; `isLast`: the driver has gone, so that maps alone can be read. */
  read?(isLast: boolean): void;
  /** Packets that enter and leave rings beside the rows; once for each reading of these. `isShown`: the reading before the walk. */
  addTo?(rows: RowsRead, isShown: boolean): RowsRead;
  /** Devices of other drivers that it walks itself. */
  walk?(): Walk & { readonly made: readonly Device[] };
  /** Such a device, though it may be gone. */
  isForeign?(device: bigint): boolean;
  /** Once a sample for each device that is made anew. The answer is what the accounts have to know. */
  see?(walked: WalkedDevice, sums: DeviceSums): Hints | undefined;
  /** Instead of see(), of a device whose generation stayed: it and queue() and device() would answer as last time. */
  isAsSeen?(walked: WalkedDevice): boolean;
  /** What it adds to a device changes without anything being written: time passes. */
  changesWithTime?(walked: WalkedDevice, sums: DeviceSums): boolean;
  /** Indices of queues that it knows of, though they may have no ring. */
  queuesOf?(walked: WalkedDevice): Iterable<number>;
  /** Its fields of the queue; `audit` is added to those of the others. */
  queue?(view: QueueView): Partial<Queue>;
  /** Its fields of the device, behind the queues; `uncounted` is added to those of the others. */
  device?(view: DeviceView, queues: readonly Queue[]): Partial<Device>;
  agent?(): Partial<AgentState>;
  /** At the last sample, or between samples, there was something that is to be looked at between samples. */
  isPressed?(): boolean;
  /** Between samples; true: ask again soon. */
  betweenSamples?(): boolean;
  /** Now and then, never for a scrape; `holdersRead`: which processes hold queues was read anew. */
  refresh?(holdersRead: boolean): void | Promise<void>;
  /** Devices that its maps have entries of, though no walk may have seen them. */
  devices?(): Iterable<bigint>;
  /** These are gone, and nothing can count for them any more. */
  remove?(gone: ReadonlySet<bigint>): void;
  /** All others are gone, or on their way to another namespace. */
  keepOnly?(present: ReadonlySet<bigint>): void;
}

/** What subjects say to the accounts of a device. */
export interface Hints {
  /** Packets lost before tun that tx_dropped may have too; infinite: not measured. */
  readonly otherDropped?: number;
  /** Frames among tx_dropped. */
  readonly framesDropped?: number;
  /** Queues may have taken others' indices since the walk before. */
  readonly queuesChanged?: boolean;
  /** A guest's packets may be in no ring and not yet delivered, and no walk sees how many. */
  readonly heldUnseen?: boolean;
}

/** A device at one sample. */
export interface DeviceView {
  readonly walked: WalkedDevice;
  /** By queue index, read before the walk; undefined: nothing measures what queues are offered. */
  readonly sums: DeviceSums | undefined;
  readonly accounts: Accounts | undefined;
  /** CLOCK_MONOTONIC, ns; no later than the rows were read. */
  readonly nowNs: number;
}

/** `ring`: undefined while no process holds the queue. */
export interface QueueView {
  readonly device: DeviceView;
  readonly index: number;
  readonly ring: WalkedQueue | undefined;
  readonly sums: QueueSums | undefined;
  readonly balance: QueueBalance | undefined;
}

/** What the accounts of a device show. */
export interface Accounts {
  /** Balances by queue index, for queues with counters or a ring. */
  readonly queues: ReadonlyMap<number, QueueBalance>;
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
  readonly unseen: UnseenPackets;
  /** Each packet that left a ring was counted under its lock. */
  readonly dequeuesCounted: boolean;
}

/** One queue as its accounts show it; packets. */
export interface QueueBalance {
  readonly enqueued: number;
  /** Enqueued by the transmit function, not by XDP. */
  readonly transmitted: number;
  readonly delivered: number;
  /** Taken by read(). */
  readonly read: number;
  readonly audit: readonly AuditResult[];
  /** undefined: the equation of the ring does not apply. */
  readonly auditPending: boolean | undefined;
  /** false: no probe tells the packets of this queue from its neighbours'. */
  readonly known: boolean;
  /** Dropped by tun without any program of ours seeing it. */
  readonly untraced: number;
}
