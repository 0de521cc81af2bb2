// SPDX-License-Identifier: Apache-2.0
// What the state of a whole host shows of a snapshot: a small part of it, so that the agent answers `check` in one short reply.
import type { Device, DeviceCounters } from './device.ts';
import type { Queue } from './queue.ts';
import type { AgentState, ProbeState, Snapshot } from './snapshot.ts';

export interface DeviceOutline extends Pick<Device, 'netns' | 'name'> {
  readonly counters: Pick<DeviceCounters, 'txPackets' | 'txDropped'> | undefined;
  readonly queues: readonly QueueOutline[];
}

interface QueueOutline extends Pick<Queue, 'index'> {
  readonly ring: Pick<NonNullable<Queue['ring']>, 'capacity' | 'occupancy' | 'lag'> | undefined;
  /** Only of devices that a finding is about. */
  readonly owner?: Queue['owner'];
}

/** A snapshot is one too. */
export interface SnapshotOutline extends Pick<Snapshot, 'takenAt'> {
  readonly devices: readonly DeviceOutline[];
  readonly agent: Pick<AgentState, 'hiddenDevices' | 'namespaceNames'> & {
    readonly probes: readonly Pick<ProbeState, 'event' | 'attached' | 'reason'>[];
  };
}

export type OutlineJson = Omit<SnapshotOutline, 'agent'> & {
  readonly agent: Omit<SnapshotOutline['agent'], 'namespaceNames'> & {
    readonly namespaceNames: readonly (readonly [number, string])[];
  };
};

/** `isNamed`: a finding is about the device. */
export function outlineToJson(
  { takenAt, devices, agent }: Snapshot,
  isNamed: (device: Device) => boolean,
): OutlineJson {
  return {
    takenAt,
    devices: devices.map((device) => outlineOf(device, isNamed(device))),
    agent: {
      hiddenDevices: agent.hiddenDevices,
      namespaceNames: [...agent.namespaceNames],
      // Why is told of what is not measured alone: of each event it would be longer than the rest.
      probes: agent.probes.map(({ event, attached, reason }) => ({
        event,
        attached,
        reason: attached ? undefined : reason,
      })),
    },
  };
}

export function outlineFromJson({ agent, ...rest }: OutlineJson): SnapshotOutline {
  return { ...rest, agent: { ...agent, namespaceNames: new Map(agent.namespaceNames) } };
}

function outlineOf({ netns, name, counters, queues }: Device, isNamed: boolean): DeviceOutline {
  return {
    netns,
    name,
    counters: counters && { txPackets: counters.txPackets, txDropped: counters.txDropped },
    queues: queues.map(({ index, ring, owner }) => ({
      index,
      ring: ring && { capacity: ring.capacity, occupancy: ring.occupancy, lag: ring.lag },
      ...(isNamed && { owner }),
    })),
  };
}
