// SPDX-License-Identifier: Apache-2.0
// What an agent sees, as a test asks it: `tapscope serve` as built, or its parts within the test's own process.
import type { LevelChoice } from '../../src/agent/level-control.ts';
import { SnapshotTaker } from '../../src/agent/snapshot-taker.ts';
import { askSnapshot } from '../../src/commands/ask-agent.ts';
import { attachProbes, type Probes } from '../../src/engine/attach.ts';
import { readHost } from '../../src/kernel/host.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Owner } from '../../src/snapshot/owner.ts';
import type { Observations, Queue } from '../../src/snapshot/queue.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { EVENTS, PROBED, parseForced } from '../../src/subjects/list.ts';
import type { Scope } from '../host/scope.ts';
import { until } from '../host/until.ts';
import { standingAgent } from './serve-process.ts';
import { dismissStanding } from './shared-agent.ts';

/** A change is seen each second; a slow observer looks every ten. */
const SEEN_WITHIN_MS = 60_000;
const FRESH_WITHIN_MS = 60_000;

export interface AgentLab {
  /** The process that takes the snapshots. */
  readonly pid: number;
  snapshot(): Promise<Snapshot>;
  /** A device of the newest, fresh snapshot; throws if it is not there. */
  device(netns: number, name: string): Promise<Device>;
  /** The mechanism that measures an event here; undefined: none does. */
  mechanism(event: string): string | undefined;
}

/** The parts of an agent, whose level a test can change. */
export interface AttachedLab extends AgentLab {
  readonly probes: Probes;
  /** Samples the readers, as the agent does between snapshots. */
  sampleReaders(): boolean;
  /** A person asks: what is read for questions alone is in the snapshots from the next one on. */
  ask(): void;
}

/** Taken after this call: on a slow machine an agent answers from the newest snapshot there is. */
export async function freshSnapshot(socket: string, wish?: 'question'): Promise<Snapshot> {
  const asked = Date.now() / 1000;
  let snapshot = await askSnapshot(socket, undefined, wish);
  await until(async () => {
    if (snapshot.takenAt < asked) snapshot = await askSnapshot(socket, undefined, wish);
    return snapshot.takenAt >= asked;
  }, FRESH_WITHIN_MS);
  return snapshot;
}

/** `tapscope serve` as built, with the best mechanisms, as the test before left it. `wish`: each snapshot is a person's question. */
export async function standingLab(wish?: 'question'): Promise<AgentLab> {
  const { pid, socket } = await standingAgent();
  const snapshot = (): Promise<Snapshot> => freshSnapshot(socket, wish);
  const { agent } = await snapshot();
  return {
    pid,
    snapshot,
    device: async (netns, name) => deviceOf(await snapshot(), netns, name),
    mechanism: (event) => agent.probes.find((probe) => probe.event === event && probe.attached)?.mechanism,
  };
}

/**
 * An agent of the test's own, for a test that attaches the probes its own way or ends them. Only the test does what
 * `tapscope serve` does by itself. Where the CPU is emulated, this agent is ready much sooner.
 */
export function agentLab(t: Scope, ...mechanisms: readonly string[]): Promise<AttachedLab> {
  return agentLabOf(t, () => true, mechanisms);
}

/** The same, at rest until a device that the filter accepts wakes it; a test may set another level meanwhile. */
export function restingLab(
  t: Scope,
  filter: (device: string) => boolean,
  ...mechanisms: readonly string[]
): Promise<AttachedLab> {
  return agentLabOf(t, filter, mechanisms, 'auto');
}

/** The same of devices that the filter accepts. */
export async function agentLabOf(
  t: Scope,
  filter: (device: string) => boolean,
  mechanisms: readonly string[] = [],
  level: LevelChoice = 'exact',
): Promise<AttachedLab> {
  await dismissStanding();
  const host = readHost(PROBED);
  const probes = attachProbes(host, EVENTS, { forced: parseForced(mechanisms), pin: true });
  t.after(() => probes.close());
  const collector = new SnapshotTaker(host, probes, { filter, perCpu: true, budget: undefined, level });
  const snapshot = async (): Promise<Snapshot> => {
    const taken = await collector.take();
    await collector.refresh();
    return taken;
  };
  await snapshot();
  return {
    pid: process.pid,
    probes,
    snapshot,
    sampleReaders: () => collector.sampleReaders(),
    ask: () => collector.ask(),
    device: async (netns, name) => deviceOf(await snapshot(), netns, name),
    mechanism: (event) => probes.mechanism(event),
  };
}

function deviceOf({ devices }: Snapshot, netns: number, name: string): Device {
  const device = devices.find((candidate) => candidate.netns === netns && candidate.name === name);
  if (!device) throw new Error(`The snapshot has no device ${name} in namespace ${netns}.`);
  return device;
}

/** The owner of the device's first queue, once known: the agent looks for owners after the snapshot that shows the queue. */
export async function ownerSoon(agent: AgentLab, netns: number, name: string): Promise<Owner | undefined> {
  let owner: Owner | undefined;
  await until(async () => {
    owner = (await agent.device(netns, name)).queues[0]?.owner;
    return owner !== undefined;
  }, SEEN_WITHIN_MS);
  return owner;
}

/** Sums over all queues, to hold against the device's own counters. */
interface Totals {
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

/** Packets lost before tun. */
export function droppedBefore({ otherDropped = [] }: Device): number {
  return otherDropped.reduce((sum, { packets }) => sum + packets, 0);
}

/** The number of observations. */
export function sizeOf(observations: Observations | undefined): number {
  return observations?.buckets.reduce((sum, count) => sum + count, 0) ?? 0;
}

/** Every imbalance of a device's accounts that is not 0, as text. */
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
