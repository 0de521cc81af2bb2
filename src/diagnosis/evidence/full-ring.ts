// SPDX-License-Identifier: Apache-2.0
// Why packets were lost at a full ring: one answer for each queue, so that no two rules claim the same loss.

import { timesWithoutBuffer, workerOf } from '../../snapshot/queue.ts';
import { recommendedSize } from '../remedies/ring-size.ts';
import { grown, type QueueSpan, type Window } from '../window.ts';
import { type FullTime, fullTime } from './full-time.ts';
import { isOftenFull, type LookAlike, MUCH_LOST, tellApart } from './look-alikes.ts';
import { delivered, type Loss, ringDrops, ringLoss, severityOf } from './loss.ts';
import { socketsOf, waitsToSend } from './program-side.ts';
import { type ReaderUse, readerUse } from './reader-use.ts';
import { isFull, isSampledOften, STALLED_SECONDS, type Stall, showsStalls, siblingsTook, stallOf } from './stall.ts';
import { starvedVcpus } from './vcpus.ts';

export type FullRingCause =
  | 'no-ring'
  | 'failing'
  | 'stalled'
  | 'paused'
  | 'burst'
  | 'starved'
  | 'cpu-bound'
  | 'guest'
  | 'blocked'
  | 'sending'
  | 'unknown';

export interface FullRing {
  readonly queue: QueueSpan;
  readonly cause: FullRingCause;
  readonly loss: Loss;
  readonly time: FullTime | undefined;
  readonly stall: Stall;
  /** undefined: what its reader did is known by samples alone. */
  readonly use: ReaderUse | undefined;
  /** Overflows after which the ring was empty again; undefined: not measured. */
  readonly episodes: number | undefined;
}

/** Where nothing counts how long the reader ran: below this a full ring says more of its senders' bursts than of its reader, */
const BRIEF = 0.05;
/** and below this too: a burst wakes it, it waits for a CPU and runs. Who waits nearly all of it, and for longer, is starved. */
const SOMETIMES = 0.25;
/** Seconds for which a busy host lets a thread wait that it does not starve. */
const WAITS_ITS_TURN = 0.05;
/** The share of the full time that one state must have to be the cause. */
const MOST = 0.5;
const NEARLY_ALL = 0.8;
/** The share of the packets that the guest took: one in 200, less than it posts at once. */
const LACKING_SHARE = 0.005;
/** A pause like a migration's, looked at once a second. */
const PAUSE_SECONDS = 1.3;
const PAUSE_STEPS = 2;
const FEWEST_STEPS = 5;

/** The queues that lost many packets at a full ring, or that have no reader. */
export function fullRings({ devices }: Window, cause?: FullRingCause): readonly FullRing[] {
  const found = devices.flatMap(({ queues }) => queues.flatMap((queue) => fullRing(queue) ?? []));
  return cause === undefined ? found : found.filter((one) => one.cause === cause);
}

/** Results for each queue of a window: several rules ask for them. */
const known = new WeakMap<QueueSpan, { readonly found: FullRing | undefined }>();

export function fullRing(queue: QueueSpan): FullRing | undefined {
  const asked = known.get(queue);
  if (asked) return asked.found;
  const found = findFullRing(queue);
  known.set(queue, { found });
  return found;
}

function findFullRing(queue: QueueSpan): FullRing | undefined {
  const loss = ringLoss(queue);
  if (!loss) return undefined;
  const isFelt = loss.lost > 0 || queue.now.flow?.stoppedForSeconds !== undefined;
  const fails = failsToRead(queue);
  // Most queues end here: what follows walks the whole window.
  if (!isFelt && !fails) return undefined;
  const time = fullTime(queue);
  const stall = stallOf(queue);
  const episodes = grown(queue, ({ history }) => history?.overflow?.episodes);
  const seen = { queue, loss, time, stall, use: readerUse(queue), episodes };
  if (queue.now.ring?.capacity === 0 && loss.lost > 0) return { ...seen, cause: 'no-ring' };
  if (fails) return { ...seen, cause: 'failing' };
  // A reader that gets almost no CPU takes nothing for seconds, and does not hang.
  const isStalled = stall.seconds >= STALLED_SECONDS && isFelt && !isKeptFromIt(seen);
  if (!isStalled && !severityOf(loss)) return undefined;
  const cause = isStalled ? 'stalled' : causeOf(seen);
  return { ...seen, cause: IDLE.includes(cause) && isSending(seen) ? 'sending' : cause };
}

/** Its reader does nothing, or not enough, and is not kept from running. */
const IDLE: readonly FullRingCause[] = ['stalled', 'paused', 'blocked', 'unknown'];

/** A socket of the program that holds it takes no more, and so it takes no more from the ring. */
function isSending({ queue, time }: Omit<FullRing, 'cause'>): boolean {
  if (isGuest(queue) || (time?.share('stopped', 'gone') ?? 0) >= MOST) return false;
  return socketsOf(queue.device).some(waitsToSend);
}

function causeOf(seen: Omit<FullRing, 'cause'>): FullRingCause {
  const { queue, time, episodes } = seen;
  const fits = recommendedSize(queue) !== undefined;
  const recovers = fits && (episodes === undefined ? isEmptyAgain(queue) : episodes > 0);
  const counted = byCounts(seen, recovers);
  if (counted === 'short-ring') return 'burst';
  if (!time) return recovers && isMostlyEmpty(queue) && isSampledOften(queue.device) ? 'burst' : 'unknown';
  const still = time.share('sleeping', 'stopped', 'gone', 'unknown');
  if (still >= MOST && isOnePause(seen, time)) return 'paused';
  if (counted === undefined) {
    const mayHang = still >= MOST && time.seconds >= STALLED_SECONDS && !showsStalls(queue);
    if (isBrief(seen, time) && recovers && !mayHang) return 'burst';
    const isSometimes = time.ofWindow < SOMETIMES && !isOftenFull(seen.loss.share, time);
    if (isSometimes && recovers && isAwake(time, episodes)) return 'burst';
  } else return counted === 'still' ? stillCause(queue, time) : counted;
  if (time.seconds === 0) return 'unknown';
  if (isStarved(queue, time)) return 'starved';
  if (time.share('running') >= MOST) return 'cpu-bound';
  if (time.share('stopped') >= MOST) return 'stalled';
  if (time.share('sleeping') >= MOST && showsStalls(queue)) return isGuest(queue) ? 'guest' : 'blocked';
  if (isGuest(queue)) return lacksBuffers(queue) ? 'guest' : 'unknown';
  return rests(time) && showsStalls(queue) ? 'blocked' : 'unknown';
}

/** A program whose idle time is known, while packets waited. */
function stillCause(queue: QueueSpan, time: FullTime): FullRingCause {
  if (time.share('throttled') >= MOST) return 'starved';
  if (time.share('stopped') >= MOST) return 'stalled';
  return showsStalls(queue) ? 'blocked' : 'unknown';
}

/** A guest that posts no buffers lets its reader's thread rest, or run for nothing: only one that is busy with packets says why. */
function byCounts(
  { queue, loss, time, use, episodes }: Omit<FullRing, 'cause'>,
  recovers: boolean,
): LookAlike | undefined {
  const { now, steps } = queue;
  const capacity = now.ring?.capacity ?? 0;
  const { openPackets = 0, openSeconds = 0 } = now.history?.overflow ?? {};
  const largest = Math.max(...steps.map(({ history }) => history?.overflow?.needed ?? 0));
  return tellApart({
    lostShare: loss.share,
    capacity,
    overflows: episodes,
    needed: Math.max(largest, capacity + openPackets),
    recovers,
    neverEmpty: openSeconds >= NEARLY_ALL * queue.device.seconds,
    time,
    use: isGuest(queue) && (!use || use.ran + use.waited < NEARLY_ALL || lacksBuffers(queue)) ? undefined : use,
  });
}

/** Where much was lost, the time between samples that may have been full counts as well. */
function isBrief({ loss, queue }: Omit<FullRing, 'cause'>, time: FullTime): boolean {
  const perhaps = loss.share >= MUCH_LOST ? time.uncertain / queue.device.seconds : 0;
  return time.ofWindow + perhaps < BRIEF;
}

/** Most of what it took out of the ring was lost on the way to it: the ring is the smaller half of that. */
function failsToRead(queue: QueueSpan): boolean {
  const failed = grown(queue, ({ counters }) => counters?.failed) ?? 0;
  return failed > 0 && failed > (delivered(queue) ?? 0);
}

/** Where no thread is known to serve a queue its owner's are looked at, of which some wait: that its siblings flow says more. */
function isKeptFromIt(seen: Omit<FullRing, 'cause'>): boolean {
  const flows = siblingsTook(seen).some((packets) => packets > 0);
  return flows ? (seen.time?.share('waiting', 'throttled') ?? 0) >= NEARLY_ALL : isStarved(seen.queue, seen.time);
}

/** There were packets and no buffer of the guest for them, again and again. */
function lacksBuffers(queue: QueueSpan): boolean {
  const noBuffer = grown(queue, timesWithoutBuffer) ?? 0;
  return noBuffer > 0 && noBuffer >= (delivered(queue) ?? 0) * LACKING_SHARE;
}

/** More than it ran or waited: on a busy host each of these takes its part. */
function rests(time: FullTime): boolean {
  return time.share('sleeping') > Math.max(time.share('running'), time.share('waiting', 'throttled'));
}

/** A worker that has no buffers is woken for each packet, and waits its turn: who is starved as well waits nearly all the time. */
function isStarved(queue: QueueSpan, time: FullTime | undefined): boolean {
  if (!time) return false;
  if (time.share('throttled') >= MOST || isBehindVcpus(queue, time)) return true;
  return time.share('waiting', 'throttled') >= (lacksBuffers(queue) ? NEARLY_ALL : MOST);
}

/** QEMU's own thread sleeps while a vCPU thread that has its lock gets no CPU. */
export function isBehindVcpus(queue: QueueSpan, time: FullTime): boolean {
  return time.share('sleeping') >= MOST && starvedVcpus(queue) !== undefined;
}

/** It ran or was about to, and was not kept from it nearly all the time, or only for a moment each time. */
function isAwake(time: FullTime, overflows: number | undefined): boolean {
  if (time.share('running', 'waiting') < NEARLY_ALL) return false;
  return time.share('waiting') < NEARLY_ALL || (overflows !== undefined && time.seconds / overflows < WAITS_ITS_TURN);
}

/** Packets were lost once, for a moment; who is stopped by a signal still is no migration. */
function isOnePause({ queue, stall, episodes }: Omit<FullRing, 'cause'>, time: FullTime): boolean {
  const { steps, device, now } = queue;
  if (time.seconds > PAUSE_SECONDS) return false;
  if (time.share('stopped') >= MOST && (stall.lasts || isFull(now))) return false;
  if (!isSampledOften(device)) return (episodes ?? 1) === 1;
  const losing = steps.flatMap((queue, i) => {
    const before = steps[i - 1];
    return before && ringDrops(queue) > ringDrops(before) ? [i] : [];
  });
  const [first = 0, last = 0] = [losing[0], losing.at(-1)];
  return steps.length > FEWEST_STEPS && last - first < PAUSE_STEPS;
}

function isEmptyAgain({ now: { ring } }: QueueSpan): boolean {
  return ring !== undefined && ring.occupancy < ring.capacity / 4;
}

function isMostlyEmpty({ steps }: QueueSpan): boolean {
  const filled = steps.map(({ ring }) => (ring && ring.capacity > 0 ? ring.occupancy / ring.capacity : 1));
  return filled.reduce((sum, one) => sum + one, 0) / filled.length < 0.25;
}

/** Virtual machine monitors by src/inventory/command-line.ts. */
const MONITORS: readonly string[] = ['qemu', 'firecracker', 'cloud-hypervisor', 'crosvm', 'kata'];

/** The reader is a virtual machine. */
export function isGuest({ now }: QueueSpan): boolean {
  return workerOf(now) !== undefined || MONITORS.includes(now.owner?.identity?.program ?? '');
}
