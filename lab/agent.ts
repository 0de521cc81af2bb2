// SPDX-License-Identifier: Apache-2.0
// The agent's eyes inside a test: probes attached and snapshots taken as `tapscope serve` does, without its server.
import { Collector } from '../src/inventory/collector.ts';
import { readHost } from '../src/kernel/host.ts';
import { attachProbes, PROBE_SYMBOLS, type Probes } from '../src/probes/attach.ts';
import { parseForced } from '../src/probes/events.ts';
import type { Device, Queue, Snapshot } from '../src/snapshot.ts';

export interface AgentLab {
  readonly probes: Probes;
  snapshot(): Promise<Snapshot>;
  /** As the agent does between snapshots. */
  lookAtReaders(): boolean;
  /** A device of the newest, fresh snapshot; throws if it is not there. */
  device(netns: number, name: string): Promise<Device>;
}

export async function agentLab(
  t: { after(undo: () => void): void },
  ...mechanisms: readonly string[]
): Promise<AgentLab> {
  const host = readHost(PROBE_SYMBOLS);
  const probes = attachProbes(host, { forced: parseForced(mechanisms), pin: true });
  t.after(() => probes.close());
  const collector = new Collector(host, probes, { filter: () => true, perCpu: true, budget: undefined });
  const snapshot = async (): Promise<Snapshot> => {
    const taken = await collector.take();
    await collector.refresh();
    return taken;
  };
  await snapshot();
  return {
    probes,
    snapshot,
    lookAtReaders: () => collector.lookAtReaders(),
    device: async (netns, name) => {
      const { devices } = await snapshot();
      const device = devices.find((candidate) => candidate.netns === netns && candidate.name === name);
      if (!device) throw new Error(`The snapshot has no device ${name} in namespace ${netns}.`);
      return device;
    },
  };
}

/** Sums over all queues, to hold against the device's own counters. */
export interface Totals {
  readonly offered: number;
  readonly enqueued: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly delivered: number;
  readonly purged: number;
  readonly resized: number;
  readonly failed: number;
  readonly waiting: number;
}

export function totalsOf({ queues }: Device): Totals {
  const sum = (value: (queue: Queue) => number | undefined): number =>
    queues.reduce((total, queue) => total + (value(queue) ?? 0), 0);
  const dropped: Record<string, number> = {};
  for (const { reason, packets } of queues.flatMap(({ counters }) => counters?.dropped ?? [])) {
    if (packets > 0) dropped[reason] = (dropped[reason] ?? 0) + packets;
  }
  return {
    offered: sum(({ counters }) => counters?.offered),
    enqueued: sum(({ counters }) => counters?.enqueued),
    dropped,
    delivered: sum(({ counters }) => counters?.delivered),
    purged: sum(({ counters }) => counters?.purged),
    resized: sum(({ counters }) => counters?.resized),
    failed: sum(({ counters }) => counters?.failed),
    waiting: sum(({ ring }) => ring?.occupancy),
  };
}

/** Every imbalance of a device's books that is not 0, as text. */
export function imbalances(device: Device): readonly string[] {
  const parts = [
    { where: 'device', audit: device.audit },
    ...device.queues.map(({ index, audit }) => ({ where: `queue ${index}`, audit })),
  ];
  return parts.flatMap(({ where, audit }) =>
    audit
      .filter(({ imbalance }) => imbalance !== 0)
      .map(({ equation, imbalance }) => `${where} ${equation} ${imbalance}`),
  );
}
