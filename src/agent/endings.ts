// SPDX-License-Identifier: Apache-2.0
// Devices that end: each is counted once, when nothing can count for it any more, and then its rows go back to the pool.

import { finalWalk, type Seen } from '../collectors/ended/final-walk.ts';
import { type LastCounters, LastCountersTable, type LastOwner } from '../collectors/ended/read.ts';
import { countsOf, type EndedLog } from '../collectors/ended/totals.ts';
import type { Probes } from '../engine/attach.ts';
import { MACVTAP_LOCATIONS } from '../engine/locations.ts';
import { Recycler } from '../engine/recycler.ts';
import type { RowsRead } from '../engine/rows.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { readCgroupPath } from '../inventory/cgroup-path.ts';
import type { Owners } from '../inventory/owners.ts';
import type { BpfObject } from '../kernel/native.ts';
import { ticksOf, unixTimeOf } from '../kernel/process-text.ts';
import type { EndedDevice } from '../snapshot/deleted-devices.ts';
import type { Device, OtherDrop } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';

/** Until two samples in a row were equal, and what that settles is settled. */
const FINAL_SAMPLES = 4;
/** Devices that were told: what is counted late for one of them is no other device. */
const MOST_TOLD = 4096;

/** A device that looks have seen. */
interface Known extends Seen {
  /** The same object as long as nothing of it changes. */
  readonly device: Device | undefined;
  readonly owner: Owner | undefined;
  /** The kernel's counters at the first look; 0 where it appeared under watch. */
  readonly before: { readonly delivered: number; readonly received: number };
  /** Unix times. `madeAfter`: of the complete look before the first that saw it; undefined: it was there before. */
  readonly madeAfter: number | undefined;
  readonly firstAt: number;
  lastAt: number;
  /** The number of the last look that saw it: many may come in a millisecond. */
  lastLook: number;
}

interface Last extends LastCounters {
  readonly endedAt: number;
  /** The time of the complete look before. */
  readonly madeAfter: number | undefined;
}

/** What one look found. */
export interface Look {
  readonly walked: readonly WalkedDevice[];
  /** In the same order. */
  readonly devices: readonly Device[];
  readonly complete: boolean;
  readonly rows: RowsRead;
}

/** What the collector knows and does of devices that may be gone. */
export interface Parts {
  /** Packets that belong to no row, by device: of macvtaps too. */
  readonly freed: ReadonlyMap<bigint, readonly OtherDrop[]>;
  /** Every tun and tap device of which other tables have entries, though no look may have seen it: a list of each table. */
  readonly tables: readonly Iterable<bigint>[];
  /** macvtaps, which only are to be forgotten, and those of them that are there. */
  readonly others: { readonly ids: Iterable<bigint>; readonly present: Iterable<bigint> };
  /** The device as a walk of this moment would show it. */
  readonly make: (walked: WalkedDevice) => Device;
  readonly released: (rows: ReadonlySet<number>) => void;
}

export class Endings {
  readonly #probes: Probes;
  readonly #owners: Owners;
  readonly #log: EndedLog;
  readonly #table: LastCountersTable;
  readonly #recycler: Recycler;
  #known = new Map<bigint, Known>();
  readonly #last = new Map<bigint, Last>();
  readonly #told = new Set<bigint>();
  #looks = 0;
  /** The time of the last complete look. */
  #completeAt: number | undefined;

  constructor(probes: Probes, object: BpfObject, owners: Owners, log: EndedLog) {
    this.#probes = probes;
    this.#owners = owners;
    this.#log = log;
    this.#table = new LastCountersTable(object);
    this.#recycler = new Recycler(object);
  }

  /** Devices that may come back. */
  get absent(): Iterable<bigint> {
    return this.#recycler.absent;
  }

  /** After each look, complete or not. */
  see({ walked, devices, complete, rows }: Look): void {
    const now = Date.now() / 1000;
    const nowNs = process.hrtime.bigint();
    this.#looks += 1;
    for (const [id, last] of this.#probes.can('last-counters') ? this.#table.take() : [])
      this.#note(id, { ...last, endedAt: now - Number(nowNs - last.endedNs) / 1e9, madeAfter: this.#completeAt });
    for (const [place, one] of walked.entries()) {
      const known = this.#known.get(one.id);
      const device = devices[place];
      if (known && known.device === device) {
        known.lastAt = now;
        known.lastLook = this.#looks;
        continue;
      }
      const owner = device?.queues.find((queue) => queue.owner)?.owner ?? known?.owner;
      const sums = rows.devices.get(one.id) ?? new Map();
      const first = known ?? this.#first(one, now);
      const last = { walked: one, sums, device, owner, lastAt: now, lastLook: this.#looks };
      this.#known.set(one.id, { ...first, ...last });
    }
    if (complete) this.#completeAt = now;
  }

  /** Counts the devices that are gone, and says which. An incomplete look does not tell who is, but by a note of its end. */
  recycle({ walked, complete, rows }: Look, { freed, tables, others, make, released }: Parts): ReadonlySet<bigint> {
    const otherPresent = new Set(others.present);
    const isThere = (id: bigint): boolean => this.#known.get(id)?.lastLook === this.#looks || otherPresent.has(id);
    const isAway = (id: bigint): boolean => (complete || this.#last.has(id)) && !isThere(id);
    const ours = new Set<bigint>();
    const strangers = new Set([...others.ids].filter(isAway));
    // As many are known as there are: none of them is gone.
    const known = this.#known.size > walked.length ? this.#known.keys() : [];
    for (const ids of [...tables, known, this.#last.keys(), rows.rowNumbers.keys()])
      for (const id of ids) if (isAway(id)) ours.add(id);
    for (const [id, drops] of freed) if (isAway(id)) (drops.every(isOfTun) ? ours : strangers).add(id);
    const back = new Set([...this.#recycler.absent].filter(isThere));
    const numbers = new Map([...ours, ...strangers, ...back].map((id) => [id, rows.rowNumbers.get(id) ?? []]));
    const when = { nowMs: performance.now(), isOver: (id: bigint) => this.#last.has(id) };
    const gone = this.#recycler.update(numbers, back, when, (free) => {
      if (free.size > 0) released(free);
    });
    this.#tell(
      [...gone].filter((id) => ours.has(id)),
      rows,
      make,
    );
    return gone;
  }

  /** Nothing will be read any more: every device that is known has ended with its driver. */
  end(rows: RowsRead, make: Parts['make']): void {
    this.see({ walked: [], devices: [], complete: false, rows });
    this.#tell([...new Set([...this.#known.keys(), ...this.#last.keys(), ...rows.rowNumbers.keys()])], rows, make);
  }

  #first({ counters }: WalkedDevice, now: number): Pick<Known, 'before' | 'madeAfter' | 'firstAt'> {
    const before = { delivered: counters.txPackets, received: counters.rxPackets };
    const isNew = this.#completeAt !== undefined;
    return { before: isNew ? { delivered: 0, received: 0 } : before, madeAfter: this.#completeAt, firstAt: now };
  }

  #note(id: bigint, last: Last): void {
    this.#last.set(id, last);
    // A process that goes on is looked up while the device's rows are waited for.
    if (last.owner) this.#owners.identityOf(last.owner.pid, last.owner.started);
  }

  #tell(ids: readonly bigint[], rows: RowsRead, make: Parts['make']): void {
    if (ids.length === 0) return;
    const ended = ids.filter((id) => !this.#told.has(id)).map((id) => this.#endedDevice(id, rows, make));
    this.#log.add(ended.toSorted((one, other) => one.endedAt - other.endedAt));
    for (const id of ids) {
      this.#known.delete(id);
      this.#last.delete(id);
      this.#told.add(id);
    }
    for (const id of this.#told) {
      if (this.#told.size <= MOST_TOLD) break;
      this.#told.delete(id);
    }
  }

  #endedDevice(id: bigint, rows: RowsRead, make: Parts['make']): EndedDevice {
    const [known, last] = [this.#known.get(id), this.#last.get(id)];
    const walked = finalWalk(id, rows.devices.get(id) ?? new Map(), known, last);
    let device = make(walked);
    for (let sample = 1; sample < FINAL_SAMPLES; sample += 1) device = make(walked);
    const counts = countsOf(device, known?.before ?? { delivered: 0, received: 0 });
    const endedAt = last?.endedAt ?? known?.lastAt ?? Date.now() / 1000;
    const madeAfter = known ? known.madeAfter : last?.madeAfter;
    return {
      netns: device.netns,
      name: device.name,
      kind: device.kind === 'tun' ? 'tun' : 'tap',
      id: device.id,
      owner: known?.owner ?? (last?.owner && this.#ownerOf(last.owner)),
      endedAt,
      livedAtMost: madeAfter === undefined ? undefined : endedAt - madeAfter,
      seenFor: known && known.lastAt - known.firstAt,
      counts,
      degraded: [...device.degraded, ...this.#unseenEnd(device, known, last), ...unaccountedIn(counts.unaccounted)],
    };
  }

  /** Where the end of each is noted that was ever set up, one without a note never was, and has no packets. */
  #unseenEnd({ up }: Device, known: Known | undefined, last: Last | undefined): readonly string[] {
    if (last) return [];
    const neverUp = this.#probes.can('last-counters') && known !== undefined && !up;
    return neverUp ? [] : ['its end was not seen: what the kernel counted after the last look is not in it'];
  }

  #ownerOf({ pid, comm, started, cgroup }: LastOwner): Owner {
    const startedAt = unixTimeOf(ticksOf(started));
    return { pid, comm, startedAt, identity: this.#owners.identityOf(pid, started) ?? identityIn(cgroup) };
  }
}

function isOfTun({ location }: OtherDrop): boolean {
  return !(location in MACVTAP_LOCATIONS);
}

/** The process has ended: its cgroup alone tells what ran it. */
function identityIn(cgroup: string): Owner['identity'] {
  const { runtime, container, pod, machine, unit } = readCgroupPath(cgroup);
  const identity = { program: '', vm: machine, uuid: '', runtime, container, pod, unit };
  return Object.values(identity).some((text) => text !== '') ? identity : undefined;
}

function unaccountedIn(packets: number): readonly string[] {
  return packets === 0 ? [] : [`${packets} packets are not accounted for`];
}
