// SPDX-License-Identifier: Apache-2.0
// Predicted losses of a device with other ring sizes, and the least size that loses none.
import { type Loss, lossOf } from '../evidence/loss.ts';
import type { DeviceSpan } from '../window.ts';
import { type QueueForecast, queueForecast } from './queue-forecast.ts';

export interface SizeForecast {
  /** txqueuelen. */
  readonly size: number;
  /** Packets lost by all queues. */
  readonly lost: number;
  /** The lost share of the offered packets, 0 to 1. */
  readonly share: number;
  /** The delay of a packet that finds this ring nearly full; undefined: not known. */
  readonly delaySeconds: number | undefined;
  /** It is at most as long. */
  readonly isDelayBound: boolean;
}

export interface RingForecast {
  /** The loss at the rings of all queues. */
  readonly loss: Loss;
  /** txqueuelen, or the largest of its rings. */
  readonly size: number;
  /** The least txqueuelen, rounded up, that would have lost nothing; undefined: nothing was lost, or there is none. */
  readonly advised: number | undefined;
  /** More slots than Linux gives, or a reader that never catches up. */
  readonly isHopeless: boolean;
  /** The present one first. */
  readonly sizes: readonly SizeForecast[];
  readonly queues: readonly QueueForecast[];
  /** Most packets that waited in one of its rings; undefined: nothing was offered. */
  readonly highwater: number | undefined;
}

/** Largest txqueuelen that Linux 7.2 and later accept ("integer out of range"); a longer queue would only add delay. */
export const LARGEST_RING = 32_767;
/** A reader frees ring slots in lots of this size (ptr_ring): the next burst may find so many fewer free slots than the last. */
const LOT = 16;
const ROUND = 10;
/** Sizes that are tried, as multiples of the present one. */
const MULTIPLES = [2, 4];

/** `wanted`: further sizes. undefined: overflows of one of its queues are not measured. */
export function ringForecast(device: DeviceSpan, wanted: readonly number[]): RingForecast | undefined {
  const queues = device.queues.flatMap((queue) => queueForecast(queue) ?? []);
  if (queues.length === 0 || queues.length < device.now.queues.length) return undefined;
  const size = Math.max(device.now.queueLength, ...queues.map(({ capacity }) => capacity));
  const lost = sumOf(queues, ({ loss }) => loss.lost);
  const offered = sumOf(queues, ({ loss }) => loss.offered);
  const loss = lossOf(lost, offered - lost, device.seconds);
  const sufficient = Math.max(...queues.map(({ needed }) => needed));
  const advised = Math.ceil((sufficient + LOT) / ROUND) * ROUND;
  const isStuck = queues.some(({ stuck }) => stuck && (lost > 0 || stuck.taken === 0));
  const isHopeless = isStuck || (lost > 0 && advised > LARGEST_RING);
  const isCurable = lost > 0 && sufficient > 0 && !isHopeless;
  const others = [...MULTIPLES.map((times) => times * size), ...(isCurable ? [advised] : []), ...wanted];
  const larger = [...new Set(others)].filter((one) => one > size && one <= LARGEST_RING).sort((a, b) => a - b);
  const highwaters = queues.flatMap(({ highwater }) => highwater ?? []);
  return {
    loss,
    size,
    advised: isCurable ? advised : undefined,
    isHopeless,
    sizes: [size, ...larger].map((one) => forecastAt(one, one === size, queues, loss)),
    queues,
    highwater: highwaters.length > 0 ? Math.max(...highwaters) : undefined,
  };
}

function forecastAt(size: number, isNow: boolean, queues: readonly QueueForecast[], loss: Loss): SizeForecast {
  const lost = isNow ? loss.lost : Math.round(sumOf(queues, (queue) => queue.lostAt(size)));
  const paces = queues.flatMap(({ pace }) => pace ?? []);
  return {
    size,
    lost,
    share: loss.offered > 0 ? lost / loss.offered : 0,
    delaySeconds: paces.length > 0 ? size * Math.max(...paces.map(({ secondsEach }) => secondsEach)) : undefined,
    isDelayBound: paces.some(({ isBound }) => isBound),
  };
}

function sumOf(queues: readonly QueueForecast[], of: (queue: QueueForecast) => number): number {
  return queues.reduce((sum, queue) => sum + of(queue), 0);
}
