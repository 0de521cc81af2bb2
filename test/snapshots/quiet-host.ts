// SPDX-License-Identifier: Apache-2.0
// For tests: snapshots of a host on which all is well, but for what a test says of it. One a second, or fewer.
import { type Window, windowOf } from '../../src/diagnosis/window.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Identity } from '../../src/snapshot/owner.ts';
import type { Queue, QueueCounters } from '../../src/snapshot/queue.ts';
import type { AgentState, Snapshot } from '../../src/snapshot/snapshot.ts';

/** Packets that left a ring otherwise than to its reader. */
const NOTHING_LEFT = { purged: 0, resized: 0, failed: 0, unproduced: 0, overflowed: 0 };

/** A number per second, the same all the time or by the second. */
export type Rate = number | ((second: number) => number);

export interface QueuePlan {
  readonly delivered?: Rate;
  /** Packets lost at the full ring. */
  readonly lost?: Rate;
  /** Packets lost by reads that failed. */
  readonly failed?: Rate;
  /** Drops by tun for other reasons than a full ring. */
  readonly dropped?: Readonly<Record<string, Rate>>;
  /** Seconds a second in which the queue was full, by what its reader did; undefined: nothing looks. */
  readonly full?: Readonly<Record<string, Rate>> | undefined;
  readonly fullBefore?: number;
  readonly occupancy?: Rate;
  readonly capacity?: number;
  /** Ended overflows a second; undefined: they are not measured. */
  readonly episodes?: Rate | undefined;
  readonly needed?: number;
  readonly vhost?: boolean;
  readonly noBuffer?: Rate;
  /** Further fields of the queue, at each second. */
  readonly more?: (second: number) => Partial<Queue>;
}

export interface TapPlan {
  /** The process that holds the tap. */
  readonly pid?: number;
  readonly queues?: readonly QueuePlan[];
  /** 'REASON@function': lost before tun. */
  readonly before?: Readonly<Record<string, Rate>>;
  /** Packets that tun delivered before all this. */
  readonly history?: number;
  readonly vm?: string;
  readonly program?: string;
  /** Seconds before all this; undefined: not known. */
  readonly startedBefore?: number;
  /** What else is known of its owner. */
  readonly identity?: Partial<Identity>;
  readonly more?: (second: number) => Partial<Device>;
}

export const SECONDS = 10;
const BEGAN_AT = 1_795_000_000;

export function quietHost(...host: Parameters<typeof quietSnapshots>): Window {
  return windowOf(quietSnapshots(...host));
}

export function quietSnapshots(
  taps: readonly TapPlan[],
  agent: Partial<AgentState> = {},
  seconds: number = SECONDS,
  stepSeconds = 1,
): readonly Snapshot[] {
  const steps = Array.from({ length: seconds / stepSeconds + 1 }, (_, step) => step * stepSeconds);
  return steps.map((second) => snapshotAt(second, taps, agent));
}

export function snapshotAt(second: number, taps: readonly TapPlan[], agent: Partial<AgentState>): Snapshot {
  return {
    takenAt: BEGAN_AT + second,
    devices: taps.map((tap, i) => deviceAt(second, `tap${i}`, tap)),
    agent: { ...quietAgent, ...agent },
  };
}

function total(rate: Rate | undefined, second: number): number {
  if (rate === undefined) return 0;
  if (typeof rate === 'number') return Math.round(rate * second * 1000) / 1000;
  return Array.from({ length: second }, (_, i) => rate(i + 1)).reduce((sum, one) => sum + one, 0);
}

function level(rate: Rate | undefined, second: number): number {
  return typeof rate === 'function' ? rate(second) : (rate ?? 0);
}

function deviceAt(second: number, name: string, tap: TapPlan): Device {
  const plans = tap.queues ?? [{ delivered: 1000 }];
  const queues = plans.map((plan, index) => queueAt(second, index, plan, tap));
  const sum = (of: (queue: Queue) => number): number => queues.reduce((all, queue) => all + of(queue), 0);
  const txDropped = sum(({ counters }) => (counters?.dropped ?? []).reduce((all, { packets }) => all + packets, 0));
  return {
    netns: 1,
    name,
    ifindex: 7,
    id: name,
    kind: 'tap',
    up: true,
    carrier: queues.length > 0,
    multiQueue: queues.length > 1,
    persistent: false,
    vnetHeader: true,
    queueLength: plans[0]?.capacity ?? 1000,
    qdisc: 'pfifo_fast',
    flowControl: 'tail-drop',
    flowControlLost: undefined,
    queues,
    attachedQueues: queues.length,
    detachedQueues: 0,
    queueChanges: undefined,
    counters: {
      txPackets: (tap.history ?? 100_000) + sum(({ counters }) => counters?.delivered ?? 0),
      txBytes: 0,
      txDropped,
      rxPackets: 1000 * second,
      rxBytes: 0,
      rxDropped: 0,
    },
    otherDropped: Object.entries(tap.before ?? {}).map(([name, rate]) => {
      const [reason = '', location = ''] = name.split('@');
      return { reason, location, packets: total(rate, second) };
    }),
    receive: { dropped: [], refused: undefined, frameErrors: 0 },
    macvtap: undefined,
    uncounted: [],
    audit: [],
    degraded: [],
    ...tap.more?.(second),
  };
}

function queueAt(second: number, index: number, plan: QueuePlan, tap: TapPlan): Queue {
  const delivered = total(plan.delivered, second);
  const reasons = { FULL_RING: plan.lost ?? 0, ...plan.dropped };
  const dropped = Object.entries(reasons).map(([reason, rate]) => ({ reason, packets: total(rate, second) }));
  const capacity = plan.capacity ?? 1000;
  const full = 'full' in plan ? plan.full : {};
  const { vm = '', program = 'openvpn', startedBefore } = tap;
  return {
    index,
    ring: { capacity, occupancy: Math.min(capacity, level(plan.occupancy, second)), lag: 0, highwater: undefined },
    counters: {
      dropped,
      offered: delivered + dropped.reduce((sum, { packets }) => sum + packets, 0),
      offeredBytes: undefined,
      enqueued: delivered,
      consumed: undefined,
      ...NOTHING_LEFT,
      failed: total(plan.failed, second),
      delivered,
    },
    history: {
      arrivals: undefined,
      sojourn: undefined,
      overflow:
        'episodes' in plan && plan.episodes === undefined
          ? undefined
          : {
              bursts: { buckets: [], sum: 0 },
              episodes: total(plan.episodes, second),
              needed: plan.needed ?? 0,
              openPackets: 0,
              openSeconds: 0,
            },
    },
    flow: undefined,
    perCpu: [],
    owner: {
      pid: tap.pid ?? 2211,
      comm: program,
      startedAt: startedBefore === undefined ? undefined : BEGAN_AT - startedBefore,
      identity: { program, vm, uuid: '', runtime: '', container: '', pod: '', unit: '', ...tap.identity },
    },
    reader: full && {
      thread: 2219,
      fullSeconds: ['running', 'waiting', 'sleeping', 'stopped', 'throttled', 'gone', 'unknown'].map((state) => ({
        state,
        seconds: (state === 'sleeping' ? (plan.fullBefore ?? 0) : 0) + total(full[state], second),
      })),
    },
    vhost: plan.vhost
      ? {
          held: 0,
          worker: { tid: 2219, comm: 'vhost-2211', cpu: 1, seconds: 0.2 * second },
          batches: undefined,
          noBuffer: total(plan.noBuffer, second),
          discarded: 0,
          zeroCopy: undefined,
        }
      : undefined,
    freed: undefined,
    wakeups: undefined,
    receiveBatches: undefined,
    redirected: undefined,
    auditPending: undefined,
    audit: [],
    degraded: [],
    ...plan.more?.(second),
  };
}

const EVENTS = ['devices', 'ended', 'freed', 'before', 'transmit', 'consumed', 'stops', 'readers', 'owners'];

const quietAgent: AgentState = {
  probes: [...EVENTS, 'redirected', 'refused'].map((event) => ({
    event,
    mechanism: 'fentry',
    attached: true,
    reason: undefined,
    missed: 0,
  })),
  rowsUsed: 4,
  rowsCapacity: 4096,
  eventsLost: [],
  netns: 1,
  namespacesUnresolved: 0,
  namespaceNames: new Map(),
  namespacePaths: new Map(),
  incompleteSnapshots: 0,
  overhead: new Map(),
  level: 'exact',
  sheds: 0,
  epoch: 1,
  snapshotSeconds: 0.001,
};

/** Counters of one of several queues at level lean before Linux 7.3: only its drops are known. */
export function leanCounters(dropped: QueueCounters['dropped']): QueueCounters {
  return {
    ...NOTHING_LEFT,
    dropped,
    offered: undefined,
    offeredBytes: undefined,
    enqueued: undefined,
    consumed: undefined,
    delivered: undefined,
  };
}
