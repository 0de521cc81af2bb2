// SPDX-License-Identifier: Apache-2.0
// Compares the agent's counts of one run with those of the sender, the reader and the kernel. None may be off by one.
import type { Device } from '../src/snapshot/device.ts';
import type { Queue } from '../src/snapshot/queue.ts';

interface AgentCounts {
  readonly offered: number;
  readonly enqueued: number;
  readonly dropped: number;
  readonly delivered: number;
  /** Dropped before tun. */
  readonly droppedBefore: number;
  /** Its part that a qdisc dropped which too many CPUs want at once (net.core.qdisc_max_burst); `tc -s` lacks it. */
  readonly burst: number;
  /** Packets that are nowhere yet: in a ring, or held by vhost-net. */
  readonly waiting: number;
}

const BURST = 'QDISC_BURST_DROP';

/** [figure, by the agent, the other counter, by it]. undefined: the agent does not measure it. */
export type Comparison = readonly [what: string, ours: number | undefined, whose: string, theirs: number];

export function agentCounts({ queues, otherDropped }: Device): AgentCounts {
  const sum = (value: (queue: Queue) => number | undefined): number =>
    queues.reduce((all, queue) => all + (value(queue) ?? Number.NaN), 0);
  return {
    offered: sum(({ counters }) => counters?.offered),
    enqueued: sum(({ counters }) => counters?.enqueued),
    dropped: sum(({ counters }) => counters && total(counters.dropped)),
    delivered: sum(({ counters }) => counters?.delivered),
    droppedBefore: total(otherDropped ?? []),
    burst: total((otherDropped ?? []).filter(({ reason }) => reason === BURST)),
    waiting: sum(({ ring, vhost }) => (ring?.occupancy ?? Number.NaN) + (vhost?.held ?? 0)),
  };
}

function total(counts: readonly { readonly packets: number }[]): number {
  return counts.reduce((sum, { packets }) => sum + packets, 0);
}

export function compare(comparisons: readonly Comparison[]): readonly string[] {
  return comparisons.flatMap(([what, ours, whose, theirs]) =>
    ours === theirs ? [] : [`${what}: ${ours ?? 'nothing'} by the agent, ${theirs} by ${whose}`],
  );
}

/** Headers, or segments, make the one count the larger of both. */
export function atLeast(what: string, ours: number, whose: string, theirs: number): readonly string[] {
  return ours >= theirs ? [] : [`${what}: ${ours}, and ${theirs} by ${whose}`];
}

/** What the agent itself has to say against its figures. */
export function doubts(device: Device): readonly string[] {
  const parts = [{ audit: device.audit, degraded: device.degraded }, ...device.queues];
  // Packets that the device has and no queue of several: the figures of the device are exact.
  const split = device.unseen?.split;
  return parts.flatMap(({ audit, degraded }) => [
    ...degraded
      .filter((reason) => reason !== split)
      .map((reason) => `the agent does not vouch for its figures: ${reason}`),
    ...audit
      .filter(({ imbalance }) => imbalance !== 0)
      .map(({ equation, imbalance }) => `the agent's counts are off by ${imbalance} packets (${equation})`),
  ]);
}
