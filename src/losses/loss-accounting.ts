// SPDX-License-Identifier: Apache-2.0
// Losses second by second: what the program on freed packets counted, and what only the device's own counter knows.

import { mayBeInTxDropped } from '../engine/locations.ts';
import type { Device } from '../snapshot/device.ts';
import type { Loss, LossSubject, LossSummary, NotShown } from '../snapshot/losses.ts';
import type { FollowGaps, LossCount } from './follow.ts';
import { type IsLoss, LossesElsewhere } from './losses-elsewhere.ts';

/**
 * One sample, at the counts and at the devices. While packets move it has to be the first at which the counts are read
 * first, and the devices at all others: nothing is then taken for untraced that was traced.
 */
export interface LossSample {
  readonly counts: readonly LossCount[];
  /** The devices that are followed. */
  readonly devices: readonly Device[];
  /** All devices of the host, followed or not. */
  readonly ids: ReadonlySet<string>;
  /** Names of network namespaces by their inode number. */
  readonly namespaces: ReadonlyMap<number, string>;
}

export interface LossSecond {
  readonly losses: readonly Loss[];
  /** Not at the devices, or of what their guests or writers sent. */
  readonly elsewhere: readonly Loss[];
  readonly notShown: NotShown;
}

export interface WantedLosses {
  /** undefined: all. */
  readonly reason: string | undefined;
  /** undefined: all. */
  readonly queue: number | undefined;
  /** Of what is freed away from the device. */
  readonly isLoss: IsLoss;
}

/** The subject of a loss. */
export interface LossSubjects {
  ofCount(count: LossCount): LossSubject;
  /** The subject of losses that no program saw. */
  ofDevice(device: Device): LossSubject;
}

/**
 * The kernel's tx_dropped has all (tun's own) or some (the core's) of these. Where it cannot be told, packets are taken
 * for traced: some untraced ones may be missed, none is made up.
 */
const IN_TX_DROPPED = ['TRANSMIT', 'BEFORE', 'ELSEWHERE'];

interface DeviceBook {
  /** tx_dropped less what was traced of it, when the device was first seen. */
  readonly base: number;
  untraced: number;
}

export class LossAccounting {
  readonly #subjects: LossSubjects;
  readonly #wanted: WantedLosses;
  readonly #before = new Map<string, LossCount>();
  readonly #devices = new Map<string, DeviceBook>();
  readonly #totals = new Map<string, Loss>();
  readonly #elsewhere: LossesElsewhere;
  readonly #totalsElsewhere = new Map<string, Loss>();
  #present: ReadonlySet<string> = new Set();
  /** The devices of the host at the last sample. */
  #ids: ReadonlySet<string>;
  #gone = 0;
  #reasonUnknown = 0;
  #notShown: NotShown = { overLimit: 0, noRoom: 0, untraced: 0 };

  /** `first`: the sample from which on losses count. */
  constructor(subjects: LossSubjects, wanted: WantedLosses, first: LossSample) {
    this.#subjects = subjects;
    this.#wanted = wanted;
    this.#ids = first.ids;
    const traced = this.#traced(first.counts);
    for (const { id, counters } of first.devices)
      this.#devices.set(id, { base: (counters?.txDropped ?? 0) - (traced.get(id) ?? 0), untraced: 0 });
    this.#present = new Set(first.devices.map(({ id }) => id));
    for (const count of first.counts) this.#before.set(keyOf(count), count);
    this.#elsewhere = new LossesElsewhere(wanted.isLoss, first.devices, first.namespaces);
  }

  /** The losses since the last sample. */
  sample({ counts, devices, ids, namespaces }: LossSample): LossSecond {
    const losses = new Map<string, Loss>();
    const notShown = { overLimit: 0, noRoom: 0, untraced: 0 };
    for (const count of counts) {
      const before = this.#before.get(keyOf(count));
      this.#before.set(keyOf(count), count);
      const subject = this.#subjects.ofCount(count);
      const packets = count.packets - (before?.packets ?? 0);
      if (packets <= 0 || !this.isWanted(subject)) continue;
      const noRoom = count.noRoom - (before?.noRoom ?? 0);
      notShown.noRoom += noRoom;
      notShown.overLimit += packets - noRoom - (count.recorded - (before?.recorded ?? 0));
      add(losses, { ...subject, packets });
    }
    for (const { device, packets } of this.#untraced(counts, devices)) {
      const subject = this.#subjects.ofDevice(device);
      if (this.isWanted(subject)) {
        notShown.untraced += packets;
        add(losses, { ...subject, packets });
      } else this.#reasonUnknown += packets;
    }
    const elsewhere = this.#elsewhere
      .sample(devices, this.#ids, namespaces)
      .map(({ device, ...loss }) => ({ ...this.#subjects.ofDevice(device), ...loss }))
      .filter((loss) => this.isWanted(loss));
    this.#ids = ids;
    for (const loss of losses.values()) add(this.#totals, loss);
    for (const loss of elsewhere) add(this.#totalsElsewhere, loss);
    this.#notShown = plus(this.#notShown, notShown);
    return { losses: mostFirst(losses.values()), elsewhere: mostFirst(elsewhere), notShown };
  }

  /** The devices are gone for good; what they lost stays in the totals. */
  forget(ids: ReadonlySet<string>): void {
    for (const [key, { key: of }] of this.#before) if (ids.has(of.deviceId)) this.#before.delete(key);
    for (const id of ids) this.#devices.delete(id);
  }

  /** `printed`: single packets; undefined: losses were told together. */
  summary(printed: number | undefined, seconds: number, ownCpu: number, gaps: FollowGaps): Omit<LossSummary, 'ended'> {
    const losses = mostFirst(this.#totals.values());
    const packets = losses.reduce((sum, loss) => sum + loss.packets, 0);
    const { untraced } = this.#notShown;
    const notShown = printed === undefined ? { overLimit: 0, noRoom: 0, untraced } : this.#notShown;
    const shown = printed ?? packets - untraced;
    return {
      seconds,
      packets,
      shown,
      notShown,
      afterEnd: packets - untraced - notShown.overLimit - notShown.noRoom - shown,
      losses,
      elsewhere: mostFirst(this.#totalsElsewhere.values()),
      reasonUnknown: this.#reasonUnknown,
      devicesGone: this.#gone,
      uncounted: gaps.uncounted + gaps.nameless,
      skipped: gaps.skipped,
      ownCpu,
    };
  }

  /** Losses of the whole device are of each of its queues, as far as anyone knows. */
  isWanted({ reason, queue }: LossSubject): boolean {
    const wanted = this.#wanted;
    return (
      (wanted.reason === undefined || wanted.reason === reason) &&
      (wanted.queue === undefined || queue === undefined || wanted.queue === queue)
    );
  }

  /** Traced packets that the kernel counts as tx_dropped, by device. */
  #traced(counts: readonly LossCount[]): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const count of counts) {
      const { kind, key, packets } = count;
      if (IN_TX_DROPPED.includes(kind) && mayBeInTxDropped(this.#subjects.ofCount(count)))
        sums.set(key.deviceId, (sums.get(key.deviceId) ?? 0) + packets);
    }
    return sums;
  }

  #untraced(counts: readonly LossCount[], devices: readonly Device[]): readonly { device: Device; packets: number }[] {
    const traced = this.#traced(counts);
    const present = new Set(devices.map(({ id }) => id));
    this.#gone += [...this.#present].filter((id) => !present.has(id)).length;
    this.#present = present;
    return devices.flatMap((device) => {
      const now = (device.counters?.txDropped ?? 0) - (traced.get(device.id) ?? 0);
      // One that was there, and is followed from now on, begins with what it lost before.
      const book = this.#devices.get(device.id) ?? { base: this.#ids.has(device.id) ? now : 0, untraced: 0 };
      this.#devices.set(device.id, book);
      const untraced = now - book.base;
      // Less than nothing where the counts were ahead: at rest they agree.
      const packets = untraced - book.untraced;
      if (packets <= 0) return [];
      book.untraced = untraced;
      return [{ device, packets }];
    });
  }
}

function keyOf({ key }: LossCount): string {
  return `${key.deviceId} ${key.queue} ${key.reason} ${key.location}`;
}

function mostFirst(losses: Iterable<Loss>): readonly Loss[] {
  return [...losses].sort((a, b) => b.packets - a.packets);
}

/** A function has more addresses than one. */
function add(losses: Map<string, Loss>, loss: Loss): void {
  const { netns, device, queue, where, reason, location, elsewhere } = loss;
  const key = JSON.stringify([netns, device, queue, where, reason, location, elsewhere]);
  losses.set(key, { ...loss, packets: loss.packets + (losses.get(key)?.packets ?? 0) });
}

function plus(one: NotShown, other: NotShown): NotShown {
  return {
    overLimit: one.overLimit + other.overLimit,
    noRoom: one.noRoom + other.noRoom,
    untraced: one.untraced + other.untraced,
  };
}
