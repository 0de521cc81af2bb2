// SPDX-License-Identifier: Apache-2.0
// The longest time in a window for which a full or stopped queue gave its reader nothing.
import type { Device } from '../../snapshot/device.ts';
import type { Queue } from '../../snapshot/queue.ts';
import type { Rejected, Severity } from '../finding.ts';
import { several } from '../format.ts';
import { READER_STALLED } from '../rule-names.ts';
import { type DeviceSpan, grown, type QueueSpan } from '../window.ts';
import type { FullTime } from './full-time.ts';
import { delivered, gravityOf, type Loss, NOISE_PER_SECOND, ringDrops } from './loss.ts';

export interface Stall {
  readonly seconds: number;
  /** The stall lasts until the end of the window. */
  readonly lasts: boolean;
  /** Places of its first and last step in the window; the same: there was none. */
  readonly from: number;
  readonly to: number;
}

/** A queue that is full, and what is known of that. */
interface Seen {
  readonly queue: QueueSpan;
  readonly loss: Loss;
  readonly stall: Stall;
  readonly time: FullTime | undefined;
}

/** A VM that is moved to another host stands still for up to a second, and snapshots are as far apart. */
export const STALLED_SECONDS = 1.5;
/** The whole of a ten-second window, a late snapshot allowed for. */
export const LONG_STALL_SECONDS = 9.5;
/**
 * Slots that are taken and not yet given back: with so many the ring is full for its producer (kernel:
 * __ptr_ring_consume). A ring that has not twice as many gives back each (kernel: __ptr_ring_set_size).
 */
const CONSUMER_BATCH = 16;
/** Looks that are further apart, as those of minutes ago are, step over a hang of seconds. */
const OFTEN_SECONDS = 6;

/** While its ring was full. */
export function stallOf(queue: QueueSpan): Stall {
  return standstill(queue, (before, now) => ringDrops(now) > ringDrops(before) || (isFull(before) && isFull(now)));
}

/** Packets waited, and none was taken. */
export function neglectOf(queue: QueueSpan): Stall {
  return standstill(queue, (before, now) => waits(before) && waits(now));
}

function waits({ ring }: Queue): boolean {
  return (ring?.occupancy ?? 0) > 0;
}

/** The longest time for which nothing was taken and `holds` said so of each second. */
export function standstill({ device, steps }: QueueSpan, holds: (before: Queue, now: Queue) => boolean): Stall {
  let longest = { seconds: 0, from: 0, to: 0 };
  let began: number | undefined;
  for (let i = 1; i < steps.length; i++) {
    const [before, now] = [steps[i - 1], steps[i]];
    const [earlier, host] = [device.steps[i - 1], device.steps[i]];
    if (!before || !now || !earlier || !host) continue;
    const taken = takenFrom(now, host);
    const stands = taken !== undefined && taken === takenFrom(before, earlier) && holds(before, now);
    began = stands ? (began ?? i - 1) : undefined;
    if (began === undefined) continue;
    const seconds = (device.takenAt[i] ?? 0) - (device.takenAt[began] ?? 0);
    if (seconds > longest.seconds) longest = { seconds, from: began, to: i };
  }
  return { ...longest, lasts: began !== undefined };
}

/** A read that fails takes a packet too. A device of which nothing is taken has no queue of which anything is. */
function takenFrom({ counters }: Queue, device: Device): number | undefined {
  if (counters?.delivered !== undefined) return counters.delivered + (counters.failed ?? 0);
  const failed = device.uncounted.find(({ cause }) => cause === 'failed')?.packets ?? 0;
  return device.counters && device.counters.txPackets + failed;
}

export function isFull({ ring }: Queue): boolean {
  if (ring === undefined || ring.capacity === 0) return false;
  const batch = ring.capacity < 2 * CONSUMER_BATCH ? 1 : CONSUMER_BATCH;
  return ring.occupancy + batch > ring.capacity;
}

export function isSampledOften({ seconds, steps }: DeviceSpan): boolean {
  return seconds / (steps.length - 1) <= OFTEN_SECONDS;
}

/** The samples would show a reader that stood still for seconds. */
export function showsStalls(queue: QueueSpan): boolean {
  return isSampledOften(queue.device) && delivered(queue) !== undefined;
}

/**
 * Packets of each other queue in the later half of the stall: if some flow, it is this queue, not the guest.
 * When the guest itself stops, one queue may still give its last packet later than another.
 */
export function siblingsTook({
  queue,
  stall: { seconds, from, to },
}: Pick<Seen, 'queue' | 'stall'>): readonly number[] {
  if (seconds < STALLED_SECONDS) return [];
  const half = Math.floor((from + to) / 2);
  return queue.device.queues
    .filter((one) => one !== queue)
    .map(({ steps }) => {
      const [before, now] = [steps[half], steps[to]];
      return (before && now && grown({ before, now }, ({ counters }) => counters?.delivered)) ?? 0;
    });
}

/** While the ring was full: a stall is no less of one in a long window. */
export function stallLossPerSecond({ queue, loss, stall, time }: Seen): number {
  const full = Math.max(stall.seconds, time?.seconds ?? 0, LONG_STALL_SECONDS);
  return loss.lost / Math.min(full, queue.device.seconds);
}

/**
 * Severity by the loss, as for every other full ring: a window two seconds longer makes no fault graver. A trickle of
 * lost broadcasts needs no alarm. Where the sender waits nothing is lost: only the time counts.
 */
export function stallSeverity(seen: Seen): Severity {
  const stoppedFor = seen.queue.now.flow?.stoppedForSeconds;
  if (stallLossPerSecond(seen) >= NOISE_PER_SECOND) return gravityOf(seen.loss);
  if (stoppedFor === undefined) return 'info';
  return stoppedFor >= LONG_STALL_SECONDS ? 'critical' : 'warning';
}

/** Packets that its reader took speak against reader-stalled, where they are known. */
export function notStalled(queue: QueueSpan): readonly Rejected[] {
  const taken = delivered(queue) ?? 0;
  return taken > 0 ? [{ rule: READER_STALLED, because: `${several(taken, 'packet')} went through` }] : [];
}
