// SPDX-License-Identifier: Apache-2.0
// When the agent counts at level `exact`, and when it rests: what asks for more than the kernel's own counters tell. Pure but for the clock it is given.
import type { Device } from '../snapshot/device.ts';
import { droppedPackets } from '../snapshot/queue.ts';

/** It goes on for so long after the last reason: what is lost in bursts is lost again. */
const AWAKE_SECONDS = 60;
/** A ring that is fuller than this at a sample may be full between two. */
const FULL = 1 / 4;

/** What was seen of a device at one sample. */
interface Seen {
  readonly device: Device;
  readonly dropped: number;
}

export class Attention {
  #last = new Map<string, Seen>();
  #isFirst = true;
  #wantedAt = Number.NEGATIVE_INFINITY;

  /** A person asks, or watches figures of single queues. */
  want(nowSeconds = performance.now() / 1000): void {
    this.#wantedAt = nowSeconds;
  }

  /** A sample was taken. */
  see(devices: readonly Device[], nowSeconds = performance.now() / 1000): void {
    const last = this.#last;
    this.#last = new Map();
    for (const device of devices) {
      const before = last.get(device.id);
      const isSame = before?.device === device;
      const dropped = isSame ? before.dropped : droppedBy(device);
      const isLosing = dropped > (before?.dropped ?? (this.#isFirst ? dropped : 0));
      if (isLosing || isPressed(device) || isStanding(device, before?.device)) this.want(nowSeconds);
      this.#last.set(device.id, isSame ? before : { device, dropped });
    }
    this.#isFirst = false;
  }

  isAwake(nowSeconds = performance.now() / 1000): boolean {
    return nowSeconds - this.#wantedAt < AWAKE_SECONDS;
  }
}

/** Packets that tun dropped: by the kernel's counter, or by our programs where that lacks some. */
function droppedBy({ counters, queues }: Device): number {
  const counted = queues.reduce((sum, queue) => sum + (queue.counters ? droppedPackets(queue.counters) : 0), 0);
  return Math.max(counters?.txDropped ?? 0, counted);
}

/** A sender waits for it, or soon may. A device with IFF_BACKPRESSURE loses nothing in tun, and no counter tells who waits. */
function isPressed({ flowControl, queues }: Device): boolean {
  return (
    flowControl !== 'tail-drop' ||
    queues.some(({ ring, flow }) => flow?.stoppedForSeconds !== undefined || (ring && isFull(ring)))
  );
}

function isFull({ occupancy, capacity }: { readonly occupancy: number; readonly capacity: number }): boolean {
  return occupancy > capacity * FULL;
}

/** Packets waited at both samples, and the reader took none between them. */
function isStanding(device: Device, before: Device | undefined): boolean {
  return (
    before !== undefined &&
    before.counters?.txPackets === device.counters?.txPackets &&
    device.queues.some(({ index, ring }, place) => {
      const earlier = before.queues[place]?.index === index ? before.queues[place] : undefined;
      return ring !== undefined && ring.occupancy > 0 && (earlier?.ring?.occupancy ?? 0) > 0;
    })
  );
}
