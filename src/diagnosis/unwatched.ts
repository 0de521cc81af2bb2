// SPDX-License-Identifier: Apache-2.0
// What a person does not get to know where an event is not measured, and why: no message names events by their own names alone.
import type { ProbeState } from '../snapshot/snapshot.ts';

/** By event (src/subjects/list.ts), in the plural; what matters most to people first. */
const THINGS: ReadonlyMap<string, string> = new Map([
  ['devices', 'devices and their counters'],
  ['freed', 'drops'],
  ['before', 'losses before tun'],
  ['transmit', 'packets offered to queues'],
  ['consumed', 'packets taken out of rings'],
  ['readers', 'states of readers'],
  ['owners', 'owners of queues'],
  ['stops', 'stopped queues'],
  ['refused', 'packets from guests that tun refuses'],
  ['transmit-exit', 'drops without a tracepoint'],
  ['redirected', 'frames that XDP redirects'],
  ['backlogs', 'delays in qdiscs'],
  ['buffers', 'guests without free buffers'],
  ['vhost', 'packets that vhost-net holds'],
  ['receive-batches', 'packets from guests through vhost-net'],
  ['departures', 'times in rings until packets are read'],
  ['vhost-departures', 'times in rings until vhost-net takes packets'],
  ['macvtaps', 'macvtap devices'],
  ['ipvtaps', 'ipvtap devices'],
  ['macvtap-reads', 'reads of macvtap devices'],
  ['last-counters', 'last counters of deleted devices'],
  ['ended', 'deletions of devices'],
  ['queue-changes', 'queues that come and go'],
  ['programs', 'sockets and send buffers of readers'],
  ['batches', 'batches of vhost-net'],
  ['zerocopy', 'zero-copy sends of vhost-net'],
  ['macvtap-zerocopy', 'zero-copy sends of vhost-net by macvtap devices'],
  ['returned', 'packets that vhost-net gives back'],
  ['allocation', 'CPUs on which packets are freed'],
]);

/** By cause of `tapscope_events_lost_total`: why the programs saw events and could not count them where they belong. */
const LOST_BECAUSE: ReadonlyMap<string, string> = new Map([
  ['no_row', 'the table of queues is full'],
  ['reason', 'the table of drop reasons is full, so they are drops of reason other'],
  ['histogram', 'the table of durations is full'],
  ['before', 'the table of losses before tun is full'],
  ['no_device', 'they are drops in tun of packets that name no device'],
  ['event', 'the table of rare events is full'],
  ['receive', 'the table of packets from guests is full'],
  ['redirect', 'the table of frames that XDP redirects is full'],
  ['macvtap', 'the table of macvtap devices is full'],
  ['ended', 'the table of deleted devices is full'],
]);

/** Of more the first are named. */
const MOST_NAMED = 3;

/** Better mechanisms of an event that are not in use, and why; the best first. */
export interface RefusedEvent {
  readonly event: string;
  readonly refused: readonly { readonly mechanism: string; readonly reason: string }[];
}

type Probe = Pick<ProbeState, 'event' | 'attached' | 'reason'>;

export function thingOf(event: string): string {
  return THINGS.get(event) ?? event;
}

/**
 * 'drops and losses before tun are not watched: kernel symbol addresses are hidden': a sentence for each reason, what matters most first.
 * `among`: of these events alone; one that nothing is known of is not watched.
 */
export function unwatched(probes: readonly Probe[], among: readonly string[] = namesOf(probes)): readonly string[] {
  const events = probes.map(({ event, reason = '' }) => ({ event, refused: refusalsIn(reason) }));
  const watched = new Set(namesOf(probes.filter(({ attached }) => attached)));
  const groups = new Map<string | undefined, string[]>();
  for (const event of inOrder(among.filter((name) => !watched.has(name)))) {
    const why = whyNot(event, events);
    groups.set(why, [...(groups.get(why) ?? []), event]);
  }
  return [...groups].map(([why, names]) => `${thingsOf(names)} are not watched${why === undefined ? '' : `: ${why}`}`);
}

function namesOf(probes: readonly Probe[]): readonly string[] {
  return probes.map(({ event }) => event);
}

/** 'drops, losses before tun, states of readers and 3 more things' */
export function thingsOf(events: readonly string[]): string {
  return listed(inOrder(events).map(thingOf));
}

/** Why the programs could not count some events; the cause itself where it is of another version. */
export function lostBecause(cause: string): string {
  return LOST_BECAUSE.get(cause) ?? cause;
}

/** Why the best mechanism of an event is not in use; where that needs another event, why that one is not measured. */
export function whyNot(event: string, events: readonly RefusedEvent[]): string | undefined {
  const place = events.findIndex((one) => one.event === event);
  const [cause] = causesOf(events[place]?.refused ?? [], events.slice(0, place));
  return cause === undefined ? undefined : inShort(cause);
}

/** An event needs those before it: `events`. */
function causesOf(refused: RefusedEvent['refused'], events: readonly RefusedEvent[]): readonly string[] {
  return refused.flatMap(({ reason }) => {
    const [, name, mechanism] = /^needs ([\w-]+)(?:=([\w-]+))?/.exec(reason) ?? [];
    if (name === undefined) return [reason];
    const place = events.findIndex(({ event }) => event === name);
    const needed = events[place]?.refused.filter((one) => mechanism === undefined || one.mechanism === mechanism) ?? [];
    return causesOf(needed, events.slice(0, place));
  });
}

/** 'load program offered_fentry of dist/bpf/tapscope.bpf.o: Operation not permitted' is the same of every program. */
function inShort(reason: string): string {
  return reason
    .replace(/^load program \S+ of \S+: /, 'the kernel refuses the program: ')
    .replace(/^load a program at the entry of \S+: /, 'the kernel refuses tracing programs: ');
}

/** As a snapshot has them: 'fentry: this kernel has no function x; raw-tracepoint: needs devices=walk'. */
function refusalsIn(reason: string): RefusedEvent['refused'] {
  return reason.split(/; (?=[\w-]+: )/).flatMap((text) => {
    const [, mechanism, why] = /^([\w-]+): (.*)$/s.exec(text) ?? [];
    return mechanism === undefined || why === undefined ? [] : [{ mechanism, reason: why }];
  });
}

function inOrder(events: readonly string[]): readonly string[] {
  const places = [...THINGS.keys()];
  const placeOf = (event: string): number => (THINGS.has(event) ? places.indexOf(event) : places.length);
  return events.toSorted((a, b) => placeOf(a) - placeOf(b));
}

function listed(things: readonly string[]): string {
  const isLong = things.length > MOST_NAMED + 1;
  const named = isLong ? [...things.slice(0, MOST_NAMED), `${things.length - MOST_NAMED} more things`] : things;
  const last = named.at(-1) ?? 'nothing';
  return named.length < 2 ? last : `${named.slice(0, -1).join(', ')} and ${last}`;
}
