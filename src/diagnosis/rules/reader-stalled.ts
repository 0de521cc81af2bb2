// SPDX-License-Identifier: Apache-2.0

import type { Halt } from '../../snapshot/owner.ts';
import { type FullRing, fullRing, fullRings, isGuest } from '../evidence/full-ring.ts';
import { fullSecondsEver, fullTimeEvidence } from '../evidence/full-time.ts';
import { NOISE_PER_SECOND } from '../evidence/loss.ts';
import { haltOf } from '../evidence/reader-use.ts';
import {
  isFull,
  LONG_STALL_SECONDS,
  neglectOf,
  STALLED_SECONDS,
  siblingsTook,
  stallLossPerSecond,
  stallSeverity,
} from '../evidence/stall.ts';
import { isPaused, vcpuEvidence } from '../evidence/vcpus.ts';
import type { Diagnosis } from '../finding.ts';
import { count, duration, loses, queueName, readerInShort, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { wakeReader } from '../remedies/reader-remedies.ts';
import { resumeGuest } from '../remedies/resume-guest.ts';
import type { Rule } from '../rule.ts';
import { GUEST_NOT_REFILLING, NOT_HERE, READER_CPU_BOUND, RING_FULL_BURST } from '../rule-names.ts';
import { type DeviceSpan, grown, type QueueSpan, type Window } from '../window.ts';

/** A guest that boots has its driver within this, from the start of its VMM. */
const BOOT_SECONDS = 120;

export const readerStalled: Rule = {
  name: 'reader-stalled',
  summary: 'the reader takes no packet out of the ring, which is full or fills up',
  explanation:
    'The ring is full, or the queue stopped, and for seconds nothing was taken out: the process is stopped (SIGSTOP, freezer, debugger), the VM is paused, its guest has no driver, or its VMM hangs. ' +
    'The reader’s state distinguishes stopped from asleep; for an idle vhost-net worker the state of its owner is used. ' +
    'A VM is paused if none of its vCPU threads ran for seconds; if they run, its guest has no driver, its interface is down, or it hangs.\n\n' +
    'A guest that has never taken a packet is given two minutes from the start of its VMM to boot. A pause of about a second (a migration) is reported as info only, and so is the loss of a trickle of broadcasts. ' +
    'A ring that still has room is reported too, if for ten seconds packets wait, more come and none is taken. A bigger ring does not help: no reader empties it.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window, asked) => [
    ...fullRings(window, 'stalled')
      .filter((seen) => !siblingsTook(seen).some((packets) => packets > 0))
      .map(stalled),
    ...fullRings(window, 'paused').map(paused),
    ...neglected(window, asked),
  ],
};

function stalled(seen: FullRing): Diagnosis {
  const { queue, loss, stall, time } = seen;
  const { flow, ring } = queue.now;
  const isStopped = (time?.share('stopped') ?? 0) >= 0.5;
  const isGone = (time?.share('gone') ?? 0) >= 0.5;
  const isOn = stall.seconds < STALLED_SECONDS; // it takes some, whenever it may
  const reader = readerName(queue);
  const holder = reader === 'unknown' ? 'its reader' : `its reader, ${reader},`;
  const paused = !isStopped && !isGone && isPaused(queue);
  const what = isStopped
    ? stopperOf(haltOf(queue))
    : isGone
      ? 'has ended'
      : paused
        ? `takes nothing because the VM is paused: ${vcpuEvidence(queue)}`
        : 'takes nothing';
  const inShort = isStopped
    ? stopperInShort(haltOf(queue))
    : isGone
      ? 'has ended'
      : paused
        ? 'takes nothing: its VM is paused'
        : 'takes nothing';
  const since = isOn
    ? `for ${duration(time?.seconds ?? 0)} in all`
    : `for ${duration(stall.seconds)}${stall.lasts ? '' : ', until recently'}`;
  const young = isYoung(queue) && !isStopped ? ' It has taken none yet: its guest boots, or has no driver.' : '';
  const isLosing = flow?.stoppedForSeconds === undefined || loss.lost > 0;
  const lost = isLosing
    ? `lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}`
    : 'is stopped, and its sender waits';
  return onQueue(queue, {
    severity: isYoung(queue) && !isStopped && !paused ? 'info' : stallSeverity(seen),
    brief: `${isLosing ? loses(loss) : 'gets nothing, its sender waits'}: ${readerInShort(queue)} ${inShort}`,
    cause: `${queueName(queue)} ${lost}: ${holder} ${what}${paused ? '' : `, ${since}`}.${paused ? '' : young}`,
    evidence: [
      isOn ? undefined : `nothing was taken out of the ring for ${duration(stall.seconds)}`,
      paused ? undefined : vcpuEvidence(queue),
      ring && `${several(ring.occupancy, 'packet waits', 'packets wait')} in a ring of ${count(ring.capacity)}`,
      fullTimeEvidence(time),
      `${several(stallLossPerSecond(seen), 'packet')} a second are lost at the full ring`,
    ],
    remedies: paused ? resumeGuest(queue) : wakeReader(queue, isStopped),
    rejected: [
      { rule: RING_FULL_BURST, because: 'a bigger ring would fill as well: no reader empties it' },
      ...(isOn ? [] : [{ rule: READER_CPU_BOUND, because: `a slow reader takes some; this one took 0` }]),
    ],
    confidence: time && time.seconds > 0 ? 'high' : 'medium',
  });
}

function stopperOf(halt: Halt | undefined): string {
  if (halt?.tracer) return `is stopped by a debugger, ${halt.tracer.comm} (pid ${halt.tracer.pid})`;
  if (halt?.by === 'freezer') return 'is frozen with its cgroup';
  return halt?.by === 'signal' ? 'is stopped by a signal' : 'is stopped by a signal, a debugger or the freezer';
}

function stopperInShort(halt: Halt | undefined): string {
  if (halt?.tracer) return `is stopped by ${halt.tracer.comm} (${halt.tracer.pid})`;
  return halt?.by === 'freezer' ? 'is frozen' : 'is stopped';
}

/** A guest that never took a packet, and has not had the time to. */
function isYoung(queue: QueueSpan): boolean {
  const never = queue.device.now.counters?.txPackets === 0;
  return never && isGuest(queue) && ageOf(queue) < BOOT_SECONDS;
}

/** Seconds; where the start of its process is unknown, those for which its ring was seen full. */
function ageOf({ device, now }: QueueSpan): number {
  const [startedAt, endedAt] = [now.owner?.startedAt, device.takenAt.at(-1)];
  if (startedAt !== undefined && endedAt !== undefined) return endedAt - startedAt;
  return now.reader ? fullSecondsEver(now.reader) : Number.POSITIVE_INFINITY;
}

/** Rings that will be full: of a trickle only who asks about the device is told. */
function neglected({ devices }: Window, asked: DeviceSpan | undefined): readonly Diagnosis[] {
  return devices.flatMap((device) =>
    device.queues.flatMap((queue) => {
      if (!queue.now.ring?.occupancy) return [];
      const stall = neglectOf(queue);
      const isNeglected = stall.lasts && stall.seconds >= LONG_STALL_SECONDS && !fullRing(queue);
      if (!isNeglected || siblingsTook({ queue, stall }).some((packets) => packets > 0)) return [];
      const came = grown(queue, ({ ring }) => ring?.occupancy) ?? 0;
      const isFault = came / device.seconds >= NOISE_PER_SECOND && !isYoung(queue);
      return isFault || device === asked ? [neglect(queue, stall.seconds, isFault)] : [];
    }),
  );
}

function neglect(queue: QueueSpan, seconds: number, isFault: boolean): Diagnosis {
  const { occupancy = 0, capacity = 0 } = queue.now.ring ?? {};
  const paused = isPaused(queue);
  return onQueue(queue, {
    severity: isFault ? 'warning' : 'info',
    brief: `is not read: ${paused ? 'its VM is paused' : `${readerInShort(queue)} takes nothing`}`,
    cause: `${queueName(queue)} is not read: its reader, ${readerName(queue)}, takes nothing, ${paused ? `because the VM is paused: ${vcpuEvidence(queue)}` : `for ${duration(seconds)}`}.`,
    evidence: [
      `${several(occupancy, 'packet waits', 'packets wait')} in a ring of ${count(capacity)}, and none was taken`,
      paused ? undefined : vcpuEvidence(queue),
      'none was lost yet: the ring has room',
    ],
    remedies: paused ? resumeGuest(queue) : wakeReader(queue, false),
    rejected: [{ rule: NOT_HERE, because: `${several(occupancy, 'packet')} came, and are still here` }],
    confidence: 'medium',
  });
}

function paused({ queue, loss, time, stall }: FullRing): Diagnosis {
  const lasts = stall.lasts || isFull(queue.now);
  return onQueue(queue, {
    severity: 'info',
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} in one pause of its reader, ${readerName(queue)}, ${lasts ? 'which lasts until now' : 'as a migration makes one'}.`,
    evidence: [
      fullTimeEvidence(time),
      lasts ? 'it is too short yet to tell a migration from a hang' : 'before and after it every packet was taken',
    ],
    remedies: [],
    rejected: [{ rule: GUEST_NOT_REFILLING, because: 'packets were lost once, and not again and again' }],
    confidence: 'medium',
  });
}
