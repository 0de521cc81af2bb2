// SPDX-License-Identifier: Apache-2.0
// The last half hour of snapshots, in memory: each second of the last minutes, of older ones fewer. Counters go on counting, so that
// nothing is lost between two steps; what was there for a moment in between is.

import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { Chain, type Decoded, type Numbers, type Pace, type Series } from './chain.ts';
import { createFlattener, type Entry } from './flatten.ts';

interface Span {
  /** Unix time, seconds. */
  readonly from: number;
  readonly to: number;
}

interface PastWindow {
  /** How far its snapshots are apart, seconds. */
  readonly stepSeconds: number;
  /** Each made when it is asked for: of 1 000 queues that takes some 50 ms. */
  readonly snapshots: Iterable<Snapshot>;
}

/** One device over time. */
interface DeviceStep {
  readonly takenAt: number;
  readonly device: Device;
}

/** Rules look at these each second, so they are not encoded. */
const RECENT_SECONDS = 10;
const PACES: readonly Pace[] = [
  { stepSeconds: 1, keepSeconds: 60 },
  { stepSeconds: 10, keepSeconds: 240 },
  { stepSeconds: 30, keepSeconds: 1800 },
];
/** 1 000 queues that all carry traffic take some 33 MB, and as much again what rules look at. */
const MOST_BYTES = 48 * 2 ** 20;
/** Changed queues that are written in one step: a few milliseconds of work. */
const QUEUES_OF_STEP = 64;
/** A timer fires a little early or late. */
const SLACK_SECONDS = 0.5;
/** A client that asks for now asks a little after the last snapshot. */
const MOST_AHEAD_SECONDS = 3;

/** The message is a sentence for the client that asked. */
export class OutsideHistory extends Error {}

interface DeviceSeries extends Series {
  readonly id: string;
  readonly netns: number;
  /** The object of the snapshot in which the device changed last; undefined: it is gone, and steps keep its series. */
  device: Device | undefined;
  apart: State | undefined;
  /** The object of the last snapshot, which may be equal to `device`. */
  latest: Device | undefined;
}

interface State {
  readonly entry: Entry;
  readonly numbers: Numbers;
}

export class History {
  readonly #mostBytes: number;
  readonly #apart = createFlattener();
  readonly #root: Series = { netns: undefined, name: '' };
  #rootState: State | undefined;
  #chains = PACES.map((pace) => new Chain(pace));
  #devices: readonly DeviceSeries[] = [];
  /** The root, then the devices. */
  #allSeries: readonly Series[] = [this.#root];
  #recent: Snapshot[] = [];

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** Size of the steps, without the snapshots of the last seconds. */
  get bytes(): number {
    return this.#chains.reduce((sum, chain) => sum + chain.bytes, 0);
  }

  /** undefined: there is none yet. */
  get span(): Span | undefined {
    const to = this.#chains[0]?.newest;
    const oldest = this.#chains.flatMap((chain) => chain.oldest ?? []);
    return to === undefined ? undefined : { from: Math.min(...oldest), to };
  }

  /** The snapshots of the last seconds, the newest last. */
  get recent(): readonly Snapshot[] {
    return this.#recent;
  }

  /** Adds the snapshot of the next second; where the clock was set back, the history begins anew. */
  add(snapshot: Snapshot): void {
    for (const steps = this.adding(snapshot); !steps.next().done; );
  }

  /** The same in steps: where it yields, the caller may let other work run, which reads what was there before. */
  *adding({ takenAt, devices, agent }: Snapshot): Generator<undefined, void, undefined> {
    if (takenAt <= (this.#chains[0]?.newest ?? Number.NEGATIVE_INFINITY)) this.#forget();
    const allSeries = this.#seriesOf(devices);
    const due = this.#chains.filter((chain) => chain.due(takenAt));
    for (const chain of due) chain.begin(this.#allSeries.length);
    this.#rootState = this.#flatten({ takenAt, agent }, this.#rootState);
    for (const chain of due) chain.put(0, this.#root, this.#rootState.entry, this.#rootState.numbers);
    let queues = 0;
    for (let place = 0; place < allSeries.length; place += 1) {
      const [series, device] = [allSeries[place], devices[place]];
      if (series === undefined || device === undefined) continue;
      if (series.latest !== device) queues += device.queues.length;
      if (queues > QUEUES_OF_STEP) {
        yield;
        queues = 0;
      }
      const state = this.#stateOf(series, device);
      for (const chain of due) chain.put(place + 1, series, state.entry, state.numbers);
    }
    for (const chain of due) chain.end(takenAt, this.#allSeries);
    while (this.bytes > this.#mostBytes && this.#forgetOldest());
    const since = takenAt - RECENT_SECONDS - SLACK_SECONDS;
    const recent = { takenAt, devices: allSeries.flatMap(({ device }) => device ?? []), agent };
    this.#recent = [...this.#recent.filter((earlier) => earlier.takenAt >= since), recent];
  }

  /** Most devices of a host did nothing since the last second: they have the state that they had. */
  #stateOf(series: DeviceSeries, device: Device): State {
    if (series.apart !== undefined && series.latest === device) return series.apart;
    const state = this.#flatten(device, series.apart);
    if (state !== series.apart) series.device = device;
    series.apart = state;
    series.latest = device;
    return state;
  }

  /** `before` where nothing changed. */
  #flatten(value: unknown, before: State | undefined): State {
    const entry = this.#apart.take(value, before?.entry);
    const numbers = this.#apart.numbers().subarray(0, entry.shape.numbers);
    if (before?.entry === entry && isSame(before.numbers, numbers)) return before;
    return { entry, numbers: numbers.slice() };
  }

  /**
   * The steps from the last one at or before the window's beginning to the last one at or before `at`: two at least.
   * Long ago, where steps are further apart than a second, they go on to the first after `at`. Throws OutsideHistory.
   */
  window(at: number, seconds: number): PastWindow {
    const begin = Math.max(at - seconds, this.#spanAround(at).from);
    const chain = this.#chains.find(({ oldest }) => oldest !== undefined && oldest <= begin) ?? this.#longest();
    const end = (chain.pace.stepSeconds > 1 ? chain.next(at) : undefined) ?? at;
    if (chain.times(begin, end).length < 2)
      throw new OutsideHistory(`The history begins at ${utc(begin)}, and has nothing earlier to compare with.`);
    return { stepSeconds: chain.pace.stepSeconds, snapshots: snapshotsOf(chain.steps(begin, end, () => true)) };
  }

  /** All steps of one device, those long ago further apart; none: it was not there. Throws OutsideHistory. */
  device(netns: number, name: string, at: number, seconds: number): readonly DeviceStep[] {
    this.#spanAround(at);
    const wanted = (series: Series): boolean => series.netns === netns && series.name === name;
    return this.#chains.toReversed().flatMap((chain, index, chains) => {
      const finerFrom = chains[index + 1]?.oldest ?? Number.POSITIVE_INFINITY;
      const steps = chain.steps(at - seconds, at, wanted);
      return [...steps].flatMap(({ takenAt, values: [device] }) =>
        takenAt < finerFrom && isDevice(device) ? [{ takenAt, device }] : [],
      );
    });
  }

  #spanAround(at: number): Span {
    const span = this.span;
    if (span === undefined) throw new OutsideHistory('There is no history yet: the agent has just started.');
    if (at >= span.from && at <= span.to + MOST_AHEAD_SECONDS) return span;
    throw new OutsideHistory(
      `There is no history of ${utc(at)}: it reaches from ${utc(span.from)} to ${utc(span.to)}.`,
    );
  }

  /** The one that goes back furthest. */
  #longest(): Chain {
    return this.#chains.reduce((longest, chain) =>
      (chain.oldest ?? Number.POSITIVE_INFINITY) < (longest.oldest ?? Number.POSITIVE_INFINITY) ? chain : longest,
    );
  }

  /** The series of each device, in the order of the devices. */
  #seriesOf(devices: readonly Device[]): readonly DeviceSeries[] {
    const known = this.#devices;
    if (known.length === devices.length && known.every((series, place) => isAt(series, devices[place]))) return known;
    const byId = new Map(known.map((series) => [series.id, series]));
    this.#devices = devices.map((device) => {
      const series = byId.get(device.id);
      byId.delete(device.id);
      const { id, netns, name } = device;
      return series !== undefined && isOf(series, device)
        ? series
        : { id, netns, name, device, apart: undefined, latest: undefined };
    });
    const here = new Set(this.#devices);
    for (const series of known) if (!here.has(series)) series.device = series.apart = series.latest = undefined;
    this.#allSeries = [this.#root, ...this.#devices];
    return this.#devices;
  }

  /** False: there is nothing more to forget. */
  #forgetOldest(): boolean {
    const inOrder = this.#chains.toSorted((a, b) => (a.oldest ?? 0) - (b.oldest ?? 0));
    return inOrder.some((chain) => chain.forgetOldest());
  }

  #forget(): void {
    this.#chains = PACES.map((pace) => new Chain(pace));
    this.#recent = [];
  }
}

function isSame(before: Numbers, now: Numbers): boolean {
  for (let index = 0; index < now.length; index += 1) if (!Object.is(before[index], now[index])) return false;
  return true;
}

/** Mostly it is the object of the last snapshot. */
function isAt(series: DeviceSeries, device: Device | undefined): boolean {
  return (device !== undefined && series.latest === device) || isOf(series, device);
}

function isOf({ id, netns, name }: DeviceSeries, device: Device | undefined): boolean {
  return device !== undefined && id === device.id && netns === device.netns && name === device.name;
}

function* snapshotsOf(steps: Iterable<Decoded>): Generator<Snapshot> {
  for (const { values } of steps) {
    const [root, ...devices] = values;
    if (isRoot(root)) yield { takenAt: root.takenAt, devices: devices.filter(isDevice), agent: root.agent };
  }
}

// Values that were taken apart as one of these are put together as one.
function isRoot(value: unknown): value is Pick<Snapshot, 'takenAt' | 'agent'> {
  return typeof value === 'object' && value !== null && 'agent' in value;
}

function isDevice(value: unknown): value is Device {
  return typeof value === 'object' && value !== null && 'queues' in value;
}

function utc(seconds: number): string {
  return `${new Date(1000 * seconds).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
