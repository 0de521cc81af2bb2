// SPDX-License-Identifier: Apache-2.0
// The input of rules: the devices at the end of some snapshots, since the first of them or since they appeared.

import type { Device } from '../snapshot/device.ts';
import type { Queue } from '../snapshot/queue.ts';
import type { AgentState, Snapshot } from '../snapshot/snapshot.ts';

export interface Window {
  /** Unix time of the last snapshot, seconds. */
  readonly endedAt: number;
  readonly seconds: number;
  readonly devices: readonly DeviceSpan[];
  /** The state of the agent at the first snapshot. */
  readonly agentBefore: AgentState;
  readonly agent: AgentState;
  /** The same at each snapshot. */
  readonly agents: readonly AgentState[];
}

export interface DeviceSpan {
  /** The seconds of the window, or since the device was seen first. */
  readonly seconds: number;
  readonly before: Device;
  readonly now: Device;
  /** The device in each snapshot since then, `before` the first and `now` the last. */
  readonly steps: readonly Device[];
  /** Unix time of each step, seconds. */
  readonly takenAt: readonly number[];
  readonly queues: readonly QueueSpan[];
  /** As the window has it. */
  readonly agent: AgentState;
}

/** A queue that has a ring, or had one, by its present index. */
export interface QueueSpan {
  readonly device: DeviceSpan;
  readonly before: Queue;
  readonly now: Queue;
  readonly steps: readonly Queue[];
}

/** In a shorter time an event that happens once, as a device is made, would look like a rate. */
const LEAST_SECONDS = 3;

/** Throws if there are fewer than two snapshots, or they are not in the order of time. */
export function windowOf(snapshots: readonly Snapshot[]): Window {
  const [first, last] = [snapshots[0], snapshots.at(-1)];
  if (!first || !last || last.takenAt <= first.takenAt)
    throw new Error('A window needs two snapshots, the later one last.');
  const seconds = last.takenAt - first.takenAt;
  const takenAt = snapshots.map((snapshot) => snapshot.takenAt);
  const inSteps = snapshots.map(({ devices }) => finder(devices, ({ id }) => id));
  const devices = last.devices.flatMap((now, place) => {
    // Most devices of a host did nothing: one object in all snapshots.
    if (snapshots.every((snapshot) => snapshot.devices[place] === now))
      return [new Span(seconds, now, now, () => takenAt.map(() => now), takenAt, last.agent)];
    const seen = followed(now.id, place, inSteps);
    const isOld = seen.length === takenAt.length || last.takenAt - (takenAt.at(-seen.length) ?? 0) >= LEAST_SECONDS;
    const steps = sinceLonger(seen);
    const since = takenAt.slice(-steps.length);
    const before = steps[0];
    return before && isOld
      ? [new Span(last.takenAt - (since[0] ?? 0), before, now, () => steps, since, last.agent)]
      : [];
  });
  const agents = snapshots.map(({ agent }) => agent);
  return { endedAt: last.takenAt, seconds, devices, agentBefore: first.agent, agent: last.agent, agents };
}

/** The steps and queues are looked for when a rule asks for them. */
class Span implements DeviceSpan {
  readonly seconds: number;
  readonly before: Device;
  readonly now: Device;
  readonly takenAt: readonly number[];
  readonly agent: AgentState;
  readonly #makeSteps: () => readonly Device[];
  #steps: readonly Device[] | undefined;
  #queues: readonly QueueSpan[] | undefined;

  constructor(
    seconds: number,
    before: Device,
    now: Device,
    makeSteps: () => readonly Device[],
    takenAt: readonly number[],
    agent: AgentState,
  ) {
    this.seconds = seconds;
    this.before = before;
    this.now = now;
    this.#makeSteps = makeSteps;
    this.takenAt = takenAt;
    this.agent = agent;
  }

  get steps(): readonly Device[] {
    this.#steps ??= this.#makeSteps();
    return this.#steps;
  }

  get queues(): readonly QueueSpan[] {
    this.#queues ??= queuesOf(this);
    return this.#queues;
  }
}

function queuesOf(device: DeviceSpan): readonly QueueSpan[] {
  const inSteps = device.steps.map((step) => finder(step.queues, ({ index }) => index));
  return device.now.queues.flatMap((now, place) => {
    const steps = followed(now.index, place, inSteps);
    const before = steps[0];
    return before && steps.length === inSteps.length
      ? [{ device, before: withFirstHistory(before, now, steps), now, steps }]
      : [];
  });
}

/**
 * The level became `exact` in the window, as it does at the first drop: what is measured there alone grows from the first step that has it.
 */
function withFirstHistory(before: Queue, now: Queue, steps: readonly Queue[]): Queue {
  if (before.history?.arrivals !== undefined || now.history?.arrivals === undefined) return before;
  const first = steps.find(({ history }) => history?.arrivals !== undefined);
  return { ...before, history: first?.history, wakeups: first?.wakeups };
}

/** What a shorter queue lost is no fault of the one that an operator has just made longer. */
function sinceLonger(steps: readonly Device[]): readonly Device[] {
  const longer = steps.findLastIndex((step, place) => step.queueLength > (steps[place - 1] ?? step).queueLength);
  return longer > 0 && longer < steps.length - 1 ? steps.slice(longer) : steps;
}

type Find<Thing, Key> = (key: Key, place: number) => Thing | undefined;

/** Finds an item by its key. Most have the same place in both lists: an index is made only for those that moved. */
function finder<Thing, Key>(things: readonly Thing[], keyOf: (thing: Thing) => Key): Find<Thing, Key> {
  let index: ReadonlyMap<Key, Thing> | undefined;
  return (key, place) => {
    const thing = things[place];
    if (thing !== undefined && keyOf(thing) === key) return thing;
    index ??= new Map(things.map((each) => [keyOf(each), each]));
    return index.get(key);
  };
}

/** The states of a thing since it has been there without a gap. */
function followed<Thing, Key>(key: Key, place: number, steps: readonly Find<Thing, Key>[]): readonly Thing[] {
  const states: Thing[] = [];
  for (const find of steps) {
    const state = find(key, place);
    if (state === undefined) states.length = 0;
    else states.push(state);
  }
  return states;
}

/** How much a counter grew; undefined: nothing measures it now, or did at the beginning. A new epoch counts from 0. */
export function grown<Seen>(
  { before, now }: { readonly before: Seen; readonly now: Seen },
  counter: (seen: Seen) => number | undefined,
): number | undefined {
  const [from, to] = [counter(before), counter(now)];
  return from === undefined || to === undefined ? undefined : to >= from ? to - from : to;
}
