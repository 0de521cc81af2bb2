// SPDX-License-Identifier: Apache-2.0
// Packets that may have ended where nothing counts them: told only where packets are missing there.
import type { Device } from '../../snapshot/device.ts';
import type { SilentEnd } from '../../snapshot/surroundings.ts';
import type { Remedy } from '../finding.ts';
import { count, several } from '../format.ts';
import { hostCommand } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { receivedFrom } from './from-guest.ts';
import {
  isMostOfFew,
  type Loss,
  lossOf,
  MANAGED_SHARE,
  MEANT_SHARE,
  NOISE_PER_SECOND,
  severityOf,
  TRICKLE_PER_SECOND,
} from './loss.ts';
import { isCovered, whenRead } from './when-read.ts';

const FEWEST = 3;
/** In a shorter time a single packet would look like a rate. */
const LEAST_SECONDS = 0.5;
/** Of what comes from it: the host took this, and nobody answers. */
const MOST = 0.5;
const MOST_NAMED = 3;

/** `kept`: packets from it that the host took for itself, by subtraction. */
export function silentDoubts(device: DeviceSpan, window: Window, towards: Loss, kept: number): readonly string[] {
  const ends = (device.now.surroundings?.silentEnds ?? []).filter(({ how }) => !(how in SINKS));
  const [counted, uncounted] = [ends.filter(({ ended }) => ended !== undefined), ends.filter(isUncounted)];
  const isUnanswered = towards.offered / device.seconds < TRICKLE_PER_SECOND;
  const to = uncounted.filter((end) => end.way === 'to' && getsPackets(device, window, end));
  const hiding = to.filter((end) => end.isNative || isUnanswered);
  const from = uncounted.filter(({ way }) => way === 'from');
  const isKept = kept >= FEWEST && kept >= MOST * receivedFrom(device);
  return [
    ...counted.flatMap((end) => endedThere(device, window, end, towards)),
    ...(hiding.length > 0
      ? [
          `${isUnanswered ? 'next to nothing reached it, and ' : ''}${namesOf(hiding)} may end packets for it, which no counter shows`,
        ]
      : []),
    ...(isUnanswered && isKept && from.length > 0
      ? [
          `${several(kept, 'packet')} from it did not leave the host and got no answer, and ${namesOf(from)} may have ended them, which no counter shows`,
        ]
      : []),
    ...(device.now.surroundings?.silentEnds ?? []).flatMap((end) => thrownAway(device, end)),
  ];
}

function isUncounted({ ended }: SilentEnd): boolean {
  return ended === undefined;
}

/** What a program or an action takes may be meant; where it is as much as a loss worth a finding, or most of few, whoever misses packets has to know. */
function endedThere(device: DeviceSpan, window: Window, end: SilentEnd, towards: Loss): readonly string[] {
  const { ended, seconds, late } = countedIn(device, window, end);
  if (end.how === 'xdp') {
    const loss = lossOf(ended, Math.max(0, receivedIn(device, end) - ended), seconds);
    if (loss.share < MANAGED_SHARE || loss.perSecond < NOISE_PER_SECOND) return late;
    return [
      `${namesOf([end])} ended or redirected about ${count(loss.lost)} of the ${several(loss.offered, 'packet')} that came in there, which no counter shows: some may have been for it`,
    ];
  }
  const part = seconds / device.seconds;
  const others = end.way === 'to' ? towards.offered * part : Math.max(0, receivedFrom(device) * part - ended);
  const loss = lossOf(ended, others, seconds);
  if (!isMostOfFew(loss) && severityOf(loss) === undefined) return late;
  return [
    `${several(ended, 'packet')} ${end.way === 'to' ? 'for it' : 'from it'} were taken by ${namesOf([end])}, which no drop shows`,
  ];
}

interface Counted {
  readonly ended: number;
  /** For so long it was counted. */
  readonly seconds: number;
  /** Why too little of it is known to say that nothing ended there. */
  readonly late: readonly string[];
}

function countedIn(device: DeviceSpan, window: Window, end: SilentEnd): Counted {
  const read = whenRead(device, window);
  const place = firstWith(device, end, true, read?.first);
  const there = sameAt(device, place, end)?.ended ?? 0;
  if (!read) return { ended: Math.max(0, (end.ended ?? 0) - there), seconds: device.seconds, late: [] };
  // tc's are counted from 0, from the reading on that found the program: the step before shows that. XDP's are a difference of counters.
  const isNew = end.how !== 'xdp' && place > 0;
  const shown = read.shown[place];
  const since = isNew
    ? (read.shown[place - 1]?.until ?? shown?.since)
    : end.how === 'xdp'
      ? shown?.until
      : shown?.since;
  const until = read.shown.at(-1)?.since;
  const covered = since === undefined || until === undefined ? 0 : until - since;
  return {
    ended: Math.max(0, (end.ended ?? 0) - (isNew ? 0 : there)),
    seconds: Math.min(Math.max(LEAST_SECONDS, covered), device.seconds),
    late: isCovered(covered, read)
      ? []
      : [
          `${namesOf([end])} may end packets ${end.way === 'to' ? 'for it' : 'from it'}, and what it ends was counted for ${Math.max(0, covered).toFixed(1)} of ${read.seconds.toFixed(1)} s: ask again`,
        ],
  };
}

/** The first step that has the end, and has it counted; 0: none has. */
function firstWith({ steps }: DeviceSpan, end: SilentEnd, isCounted: boolean, from = 0): number {
  const place = steps.findIndex((step, index) => {
    const there = index < from ? undefined : sameIn(step, end);
    return there !== undefined && (!isCounted || there.ended !== undefined);
  });
  return Math.max(0, place);
}

function sameAt({ steps }: DeviceSpan, place: number, end: SilentEnd): SilentEnd | undefined {
  const step = steps[place];
  return step && sameIn(step, end);
}

function sameIn({ surroundings }: Device, { device, how, way }: SilentEnd): SilentEnd | undefined {
  return surroundings?.silentEnds?.find((one) => one.device === device && one.how === how && one.way === way);
}

function receivedIn(device: DeviceSpan, end: SilentEnd): number {
  const first = sameAt(device, firstWith(device, end, end.ended !== undefined), end)?.received ?? end.received ?? 0;
  return Math.max(0, (end.received ?? 0) - first);
}

/** What comes in by another device may be for this one; what its own filters end no counter has. */
function getsPackets(device: DeviceSpan, window: Window, end: SilentEnd): boolean {
  if (end.received === undefined) return true;
  const shown = whenRead(device, window)?.shown ?? [];
  const [from, to] = [shown[firstWith(device, end, end.ended !== undefined)], shown.at(-1)];
  const seconds = from && to ? Math.max(LEAST_SECONDS, to.until - from.until) : device.seconds;
  return receivedIn(device, end) / Math.min(seconds, device.seconds) >= NOISE_PER_SECOND;
}

/** `doubts`: of silentDoubts(). */
export function looksAtSilentEnds(device: DeviceSpan, window: Window, doubts: readonly string[]): readonly Remedy[] {
  if (doubts.length === 0) return [];
  return [
    hostCommand(
      device,
      window,
      'bpftool net show',
      'Shows the XDP and tc programs of all devices. tcpdump on a device sees what tc ends there, not what XDP ends.',
    ),
  ];
}

const BY = {
  action: 'an action of a tc filter that steals or traps',
  redirect: 'a tc filter that redirects them to another device, where they are not followed',
} as const;

function namesOf(ends: readonly SilentEnd[]): string {
  const names = ends
    .slice(0, MOST_NAMED)
    .map(({ device, how }) => `${how === 'xdp' ? 'XDP' : `tc ${how}`} of ${device}`);
  const by = ends.every((end) => end.by === ends[0]?.by) ? ends[0]?.by : undefined;
  return `${by === undefined ? 'a BPF program' : BY[by]} (${names.join(', ')})`;
}

const SINKS = {
  dummy: 'a dummy device, which throws away all that it is sent: a route or a filter leads there',
  redirected: 'to which a tc filter redirects what should leave by another: it is not followed there',
  ifb: 'an IFB, which throws away what no filter redirects to it: a route or a bridge leads there',
} as const;

function thrownAway(device: DeviceSpan, { device: sink, how }: SilentEnd): readonly string[] {
  if (how !== 'dummy' && how !== 'ifb' && how !== 'redirected') return [];
  const first = device.steps.find(({ sentOn }) => sentOn)?.sentOn;
  const sentBy = (ways = first): number => ways?.find((one) => one.device === sink)?.packets ?? 0;
  const now = sentBy(device.now.sentOn);
  // Counting may have begun anew meanwhile.
  const sent = now >= sentBy() ? now - sentBy() : now;
  const loss = lossOf(sent, Math.max(0, receivedFrom(device) - sent), device.seconds);
  if (sent < FEWEST || (loss.share < MEANT_SHARE && severityOf(loss) === undefined)) return [];
  return [`${several(sent, 'packet')} from it were sent on by ${sink}, ${SINKS[how]}`];
}
