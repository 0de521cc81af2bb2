// SPDX-License-Identifier: Apache-2.0
// What was seen of the host at one moment, and by what. The types of src/snapshot import nothing else.
import type { Ended } from './deleted-devices.ts';
import type { Device } from './device.ts';
import type { SurroundingsRead } from './surroundings.ts';

/** One event's mechanism on this host; attached false: nothing measures it, and reason says why. */
export interface ProbeState {
  readonly event: string;
  readonly mechanism: string;
  readonly attached: boolean;
  readonly reason: string | undefined;
  /** Runs that the kernel skipped (recursion protection): events this probe did not see. */
  readonly missed: number;
}

/** Events that the programs saw and could not count where they belong. */
export interface LostEvents {
  readonly cause: string;
  readonly events: number;
}

/** Dropped before the host chose an output device: any of them may have been on its way to a tap. */
export interface UnroutedDrop {
  /** Inode number of the namespace that it came into. */
  readonly netns: number;
  readonly reason: string;
  readonly location: string;
  readonly packets: number;
}

/** The process of an agent that counts; another one answers requests. */
export interface CountingProcess {
  /** How often that one ended and was started again. */
  readonly servingRestarts: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Lines that its log lacks, since it started; undefined: it was not recorded. */
  readonly logLinesDropped?: number | undefined;
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
  /**
   * rest: all is well, and no program is on the way of packets, except one where a device may have several queues; lean: the budget was passed, nothing is counted on the enqueue path.
   */
  readonly level: 'exact' | 'rest' | 'lean';
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
  /** While a person asks: the namespaces whose configuration was read since. Absent: nobody asks, or it was not recorded. */
  readonly surroundingsRead?: readonly SurroundingsRead[] | undefined;
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
