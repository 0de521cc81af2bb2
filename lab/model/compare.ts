// SPDX-License-Identifier: Apache-2.0
// What a snapshot shows of a tap beside the truth: each figure is equal, or marked as not exact.
import type { Device } from '../../src/snapshot/device.ts';
import type { Queue } from '../../src/snapshot/queue.ts';
import { droppedBefore, imbalances } from '../../test/agent/agent-lab.ts';
import type { QueueTruth, TapModel } from './tap-model.ts';

export interface Verdict {
  /** Figures that are wrong, and nothing says so. */
  readonly differences: readonly string[];
  /** Why figures are marked, right or wrong. */
  readonly marks: readonly string[];
}

type Figures = Partial<Record<keyof Truth, number | undefined>>;
type Truth = Record<keyof QueueTruth | 'offered' | 'waiting', number>;

const FIGURES = ['offered', 'enqueued', 'dropped', 'delivered', 'purged', 'resized', 'failed', 'waiting'] as const;

/**
 * `moving`: the snapshot was taken before the truth was complete. Then nothing may be shown that has not happened, and nothing has to be
 * shown yet.
 */
export function compare(device: Device, model: TapModel, moving = false): Verdict {
  const marks = [...new Set([...device.degraded, ...device.queues.flatMap(({ degraded }) => degraded)])];
  if (device.degraded.length > 0) return { differences: [], marks };
  const wrong = moving ? isAhead : isDifferent;
  const lacking = moving ? 0 : lackedOf(device);
  const wrongHere = lacking > 0 ? isFurther(lacking) : wrong;
  const indices = new Set([...device.queues.map(({ index }) => index), ...model.queues.keys()]);
  const pairs = [...indices].map((index) => {
    const queue = device.queues.find((one) => one.index === index);
    return { index, queue, shown: shownOf(queue), truth: truthOf(model, index) };
  });
  // Packets that came while there was no ring count for the first queue; without a qdisc they were lost before tun.
  const first = pairs.find(({ index }) => index === 0);
  const beside = model.withoutQueue - droppedBefore(device);
  if (first) first.truth = plus(first.truth, { offered: beside, dropped: beside });
  const queues = pairs.flatMap(({ index, queue, shown, truth }) =>
    queue && queue.degraded.length > 0 ? [] : differencesOf(`queue ${index}`, shown, truth, wrongHere),
  );
  const totals = [total(pairs.map(({ shown }) => shown)), total(pairs.map(({ truth }) => truth))] as const;
  return {
    differences: [
      ...differencesOf('device', ...totals, wrongHere),
      ...queues,
      ...(moving || lacking === Number.POSITIVE_INFINITY ? [] : imbalances(device)),
    ],
    marks,
  };
}

type Wrong = (name: keyof Truth, said: number, truth: number) => boolean;

const isDifferent: Wrong = (_name, said, truth) => said !== truth;

/** What waits comes and goes. */
const isAhead: Wrong = (name, said, truth) => name !== 'waiting' && said > truth;

/**
 * Packets that came before the program that tells several queues apart: the device has them and says how many, its queues lack them.
 * Until it is known how many they are, the queues are marked.
 */
function lackedOf({ multiQueue, unseen }: Device): number {
  if (!multiQueue || unseen === undefined) return 0;
  return unseen.enqueued === 0 && unseen.split !== undefined ? Number.POSITIVE_INFINITY : unseen.enqueued;
}

const LACKED: readonly (keyof Truth)[] = ['offered', 'enqueued', 'delivered'];

function isFurther(lacking: number): Wrong {
  return (name, said, truth) => (LACKED.includes(name) ? said > truth || said + lacking < truth : said !== truth);
}

function shownOf(queue: Queue | undefined): Figures {
  if (!queue) return {};
  const { offered, enqueued, delivered, purged, resized, failed } = queue.counters ?? {};
  const dropped = queue.counters?.dropped.reduce((sum, { packets }) => sum + packets, 0);
  return { offered, enqueued, dropped, delivered, purged, resized, failed, waiting: queue.ring?.occupancy ?? 0 };
}

function truthOf(model: TapModel, index: number): Truth {
  const truth = model.queues.get(index) ?? NOTHING;
  return { ...truth, offered: truth.enqueued + truth.dropped, waiting: model.waiting(index) };
}

const NOTHING: QueueTruth = { enqueued: 0, dropped: 0, delivered: 0, purged: 0, resized: 0, failed: 0 };

/** What one queue does not show, the device does not. */
function total(parts: readonly Figures[]): Figures {
  return Object.fromEntries(
    FIGURES.flatMap((name) => {
      const values = parts.map((part) => part[name]);
      return values.includes(undefined) ? [] : [[name, values.reduce((sum: number, value = 0) => sum + value, 0)]];
    }),
  );
}

function plus(figures: Truth, more: Partial<Truth>): Truth {
  const sum = (name: (typeof FIGURES)[number]): number => figures[name] + (more[name] ?? 0);
  return {
    offered: sum('offered'),
    enqueued: sum('enqueued'),
    dropped: sum('dropped'),
    delivered: sum('delivered'),
    purged: sum('purged'),
    resized: sum('resized'),
    failed: sum('failed'),
    waiting: sum('waiting'),
  };
}

/** A queue that is not shown has had no packet. */
function differencesOf(where: string, shown: Figures, truth: Figures, wrong: Wrong): readonly string[] {
  const none = Object.keys(shown).length === 0;
  return FIGURES.flatMap((name) => {
    const said = none ? 0 : shown[name];
    const is = truth[name];
    if (said === undefined || is === undefined || !wrong(name, said, is)) return [];
    return [`${where}: ${name} ${said}, in truth ${is}`];
  });
}
