// SPDX-License-Identifier: Apache-2.0
// Plays one fault in rounds: the truth before, the fault, and after it what the agent shows, what is left behind, and how long it took.
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Metrics } from '../../test/agent/serve-process.ts';
import type { Fault, Played, Round } from './fault.ts';
import type { FaultHost } from './fault-host.ts';
import { bpfNamesOf, bpfObjectsOf, bpfOrphans, filesOf, markedProcesses } from './traces.ts';
import { distance, type Figures, since, type WatchedTap } from './watched-tap.ts';

/** The agent has one process that counts, and one that serves. */
const PROCESSES = 2;

/** A mark comes with the third snapshot that disagrees. */
const JUDGED_WITHIN_MS = 6000;
const GONE_WITHIN_MS = 5000;
/** BPF objects that no process holds: the kernel frees them later, those of other tests' agents too, and much later where no CPU is free. What is left behind stays. */
const FREED_WITHIN_MS = 60_000;
const LOOK_MS = 200;
/** V8 collects when it likes. */
const MOST_GROWTH = 40e6;
const OWN_FILES = ['lock', 'agent.sock'];
/** Packets of the burst that probes each tap: more than its ring holds. */
const PROBE = 30;

type Judged = Pick<Round, 'wrong' | 'isMarked' | 'recoveryMs'>;

type Base = ReadonlyMap<WatchedTap, { readonly truth: Figures; readonly shown: Figures }>;

export async function playFault(host: FaultHost, fault: Fault, rounds: number): Promise<Played> {
  const traces: Traces = { names: new Set(), orphans: new Set() };
  const played: Round[] = [];
  host.configure(fault.start?.(host) ?? {});
  let first: { readonly pid: number; readonly resident: number } | undefined;
  let grown: number | undefined;
  for (let round = 0; round < rounds; round++) {
    const one = await playRound(host, fault, traces);
    played.push(one);
    if (one.failure !== undefined) break;
    const { pid } = host.agent;
    if (first?.pid === pid) grown = host.agent.residentMemory() - first.resident;
    else first = { pid, resident: host.agent.residentMemory() };
  }
  await fault.after?.(host);
  await host.stop();
  const last = [...(await leftBehind(host, traces)), ...stderrFaults(host, fault)];
  if (grown !== undefined && grown > MOST_GROWTH) last.push(`${Math.round(grown / 1e6)} MB of memory`);
  const end = played.pop();
  if (end) played.push({ ...end, left: [...end.left, ...last] });
  return { name: fault.name, rounds: played, grown };
}

async function playRound(host: FaultHost, fault: Fault, traces: Traces): Promise<Round> {
  const nothing = { wrong: 0, isMarked: false, left: [], recoveryMs: 0 };
  try {
    if (fault.isFresh) await host.stop();
    if (!host.isRunning) await host.start();
    const { pid } = host.agent;
    if (traces.names.size === 0) {
      traces.names = bpfNamesOf(pid);
      traces.orphans = bpfOrphans(traces.names);
    }
    await rest(host);
    const descriptors = descriptorsOf(pid);
    const objects = bpfObjectsOf(pid).length;
    const judged = await playJudged(host, fault);
    const kept = host.agent.pid === pid && !fault.changesLevel ? { pid, descriptors, objects } : undefined;
    return { ...judged, left: await leftBehind(host, traces, kept), failure: undefined };
  } catch (error) {
    return { ...nothing, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** The fault, and what the agent shows of all taps after it. */
export async function playJudged(host: FaultHost, fault: Fault): Promise<Judged> {
  const { pid } = host.agent;
  let base = await rest(host);
  host.overAt = undefined;
  await fault.play(host);
  const overAt = host.overAt ?? performance.now();
  if (!host.isRunning) await host.start();
  const isAnew = host.agent.pid !== pid;
  const startedAt = performance.now();
  await host.unload();
  if (isAnew) base = await rest(host);
  for (const tap of host.taps) {
    await tap.burst(PROBE);
    await tap.drain();
  }
  const { at, ...judged } = await judge(host, base);
  return { ...judged, recoveryMs: (isAnew ? startedAt : at) - overAt };
}

/** Truth and page of all taps, when the page has them all. An older page may lack packets that the truth has. */
async function rest(host: FaultHost): Promise<Base> {
  const began = performance.now();
  let deadline: number | undefined;
  for (;;) {
    const page = await host.pageSince(began);
    deadline ??= performance.now() + JUDGED_WITHIN_MS;
    const base = new Map<WatchedTap, { truth: Figures; shown: Figures }>();
    for (const tap of host.taps) {
      const shown = tap.shown(page);
      if (shown) base.set(tap, { truth: tap.truth(), shown });
    }
    if (base.size === host.taps.size) return base;
    if (performance.now() > deadline) throw new Error('a tap is missing on the page');
    await wait(20);
  }
}

/** Waits until all is right or marked, or the time for it is over. A tap that the fault made is counted from its beginning. */
async function judge(host: FaultHost, base: Base): Promise<{ wrong: number; isMarked: boolean; at: number }> {
  const began = performance.now();
  let deadline: number | undefined;
  for (;;) {
    const judged = verdict(host, base, await host.pageSince(began));
    const at = performance.now();
    deadline ??= at + JUDGED_WITHIN_MS;
    if (judged.wrong === 0 || at > deadline) return { ...judged, at };
    await wait(20);
  }
}

function verdict(host: FaultHost, base: Base, page: Metrics): { wrong: number; isMarked: boolean } {
  const zero = { offered: 0, delivered: 0, lost: 0 };
  let [wrong, isMarked] = [0, false];
  for (const tap of host.taps) {
    const before = base.get(tap) ?? { truth: zero, shown: zero };
    const shown = tap.shown(page);
    const off = distance(since(before.truth, tap.truth()), shown ? since(before.shown, shown) : zero);
    if (off > 0 && shown && tap.isMarked(page)) isMarked = true;
    else wrong += off;
  }
  return { wrong, isMarked };
}

/** Names of the agents' BPF objects, and those without a holder that were there before. */
interface Traces {
  names: ReadonlySet<string>;
  orphans: ReadonlySet<string>;
}

interface Kept {
  readonly pid: number;
  readonly descriptors: readonly string[];
  readonly objects: number;
}

/**
 * What the round left behind: answers as soon as nothing is left, or at the end of the time limit. `kept`: an agent that lived on has this.
 * Agents of other tests end meanwhile, and the kernel frees their objects later: an object that is not in every sample is theirs.
 * Nor is a descriptor left that is not in every sample: the agent reads files of /proc all the time.
 */
export async function leftBehind(host: FaultHost, { names, orphans }: Traces, kept?: Kept): Promise<string[]> {
  const began = performance.now();
  let objects: readonly string[] | undefined;
  let descriptors: readonly string[] | undefined;
  for (;;) {
    const now = bpfOrphans(names);
    objects = objects ? objects.filter((id) => now.has(id)) : [...now].filter((id) => !orphans.has(id));
    const more = kept
      ? moreThan(kept.descriptors, withoutFirstQuestion(kept.descriptors, descriptorsOf(kept.pid)))
      : [];
    descriptors = descriptors ? less(descriptors, less(descriptors, more)) : more;
    const others = [
      ...countOf('process', markedProcesses().length - (host.isRunning ? PROCESSES : 0)),
      ...filesOf().filter((name) => !OWN_FILES.includes(name) || (name === 'agent.sock' && !host.isRunning)),
      ...[...new Set(descriptors)].flatMap((one) => countOf(`descriptor of ${one}`, numberOf(descriptors ?? [], one))),
      ...countOf('BPF object of its own', kept ? bpfObjectsOf(kept.pid).length - kept.objects : 0),
    ];
    const limit = others.length > 0 ? GONE_WITHIN_MS : FREED_WITHIN_MS;
    const left = [...objects, ...others];
    if (left.length === 0 || performance.now() - began > limit) return left;
    await wait(LOOK_MS);
  }
}

/** What each descriptor of a process is: 'socket:', 'anon_inode:bpf-map', a path. */
function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\[\d+\]$/, '');
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** Of the thread that asks rtnetlink (addon/netlink/netlink_thread.hh): made with the first question, whoever asks it, and kept. */
const FIRST_QUESTION = ['net:', 'anon_inode:[eventfd]'];

function withoutFirstQuestion(before: readonly string[], now: readonly string[]): readonly string[] {
  if (before.includes('net:') || !now.includes('net:')) return now;
  const places = FIRST_QUESTION.map((one) => now.indexOf(one));
  return now.filter((_, place) => !places.includes(place));
}

/** Those that were not there before; nothing where there are no more of them in all. */
function moreThan(before: readonly string[], now: readonly string[]): readonly string[] {
  return now.length > before.length ? less(now, before) : [];
}

/** Each as often as it is in `all` more than in `some`. */
function less(all: readonly string[], some: readonly string[]): readonly string[] {
  return [...new Set(all)].flatMap((one) => Array(Math.max(0, numberOf(all, one) - numberOf(some, one))).fill(one));
}

const numberOf = (list: readonly string[], one: string): number => list.filter((other) => other === one).length;

function countOf(what: string, count: number): readonly string[] {
  return count > 0 ? [`${count} × ${what}`] : [];
}

/** An operator reads sentences, few of them. */
function stderrFaults(host: FaultHost, { says }: Fault): readonly string[] {
  const said = host.ended.splice(0).map(({ stderr }) => stderr);
  const all = said.join('');
  const crash = /.*(?:\n\s+at |It crashed|UnhandledPromise|FATAL ERROR)[\s\S]{0,1000}/.exec(all);
  return [
    ...(crash === null ? [] : [`a stack trace: ${crash[0]}`]),
    ...(says && !says.test(all) ? [`not said: ${says}`] : []),
    ...said.filter((text) => text.split('\n').length > 60).map(() => 'a flood of messages'),
  ];
}
