// SPDX-License-Identifier: Apache-2.0
// One queue over time, in columns, as charts take them: rates between two steps, and what was there at a step.
import type { Device } from '../snapshot/device.ts';
import { droppedPackets, type Queue, type QueueCounters } from '../snapshot/queue.ts';
import { type Change, changesOf } from './device-changes.ts';
import { grown } from './window.ts';

type Column = readonly (number | null)[];

/** All columns are as long as takenAt; null: not measured then. Packets a second unless named otherwise. */
export interface QueueSeries {
  /** Unix time, seconds. Those long ago are further apart. */
  readonly takenAt: readonly number[];
  readonly offered: Column;
  readonly dropped: Column;
  /** Drops by kernel drop reason. */
  readonly reasons: Readonly<Record<string, Column>>;
  readonly delivered: Column;
  /** Packets in the ring. */
  readonly occupancy: Column;
  readonly capacity: Column;
  /** The share of the time, 0 to 1. */
  readonly stopped: Column;
  /** States of the reader while the queue was full or stopped, as shares of the time, 0 to 1. */
  readonly reader: Readonly<Record<string, Column>>;
  /** Changes on its device, the oldest first. */
  readonly changes: readonly Change[];
}

/** The device at one time. */
interface Step {
  readonly takenAt: number;
  readonly device: Device;
}

interface Point {
  readonly takenAt: number;
  readonly seconds: number;
  readonly before: Queue;
  readonly now: Queue;
}

export function seriesOf(steps: readonly Step[], index: number): QueueSeries {
  const seen = steps.flatMap(({ takenAt, device }) => {
    const queue = device.queues.find((one) => one.index === index);
    return queue ? [{ takenAt, queue, id: device.id }] : [];
  });
  const points = seen.slice(1).flatMap(({ takenAt, queue, id }, place): readonly Point[] => {
    const before = seen[place];
    const isOther = before === undefined || before.id !== id; // a device of the same name that came later
    return isOther ? [] : [{ takenAt, seconds: takenAt - before.takenAt, before: before.queue, now: queue }];
  });
  const rate = (counter: (queue: Queue) => number | undefined): Column =>
    points.map((point) => {
      const more = grown(point, counter);
      return more === undefined ? null : more / point.seconds;
    });
  const level = (gauge: (queue: Queue) => number | undefined): Column => points.map(({ now }) => gauge(now) ?? null);
  const states = points.at(-1)?.now.reader?.fullSeconds ?? [];
  const reasons = points.at(-1)?.now.counters?.dropped ?? [];
  return {
    changes: changesOf(steps),
    takenAt: points.map(({ takenAt }) => takenAt),
    offered: rate(({ counters }) => counters?.offered),
    dropped: rate(({ counters }) => counters && droppedPackets(counters)),
    reasons: Object.fromEntries(
      reasons
        .filter(({ packets }) => packets > 0)
        .map(({ reason }) => [reason, rate(({ counters }) => counters && droppedFor(counters, reason))]),
    ),
    delivered: rate(({ counters }) => counters?.delivered),
    occupancy: level(({ ring }) => ring?.occupancy),
    capacity: level(({ ring }) => ring?.capacity),
    stopped: rate(({ flow }) => flow?.stoppedSeconds),
    reader: Object.fromEntries(
      states.map(({ state }) => [
        state,
        rate(({ reader }) => reader?.fullSeconds.find((one) => one.state === state)?.seconds),
      ]),
    ),
  };
}

function droppedFor({ dropped }: QueueCounters, reason: string): number {
  return dropped.find((one) => one.reason === reason)?.packets ?? 0;
}
