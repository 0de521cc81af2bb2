// SPDX-License-Identifier: Apache-2.0
// Devices that are deleted: each is counted once, when nothing can count for it any more, and then its rows go back to the pool.
import type { Probes } from '../engine/attach.ts';
import { Recycler } from '../engine/recycler.ts';
import type { RowsRead } from '../engine/rows.ts';
import type { Holders, OpenSubject } from '../engine/subject.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { readCgroupPath } from '../inventory/cgroup-path.ts';
import type { BpfObject } from '../kernel/native.ts';
import { ticksOf, unixTimeOf } from '../kernel/process-text.ts';
import type { EndedDevice } from '../snapshot/deleted-devices.ts';
import type { Device } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import { type LastCounters, LastCountersTable, type LastOwner } from '../subjects/deleted-devices.ts';
import { countsOf, type DeletedLog } from './deleted-log.ts';
import { finalWalk, type Seen } from './final-walk.ts';

/** Devices that were reported: what is counted late for one of them is no other device. */
const MOST_REPORTED = 4096;

/** A device that samples have shown. */
interface Known extends Seen {
  /** The same object as long as nothing of it changes. */
  readonly device: Device | undefined;
  readonly owner: Owner | undefined;
  /** The kernel's counters at the first sample; 0 where it appeared under watch. */
  readonly before: { readonly delivered: number; readonly received: number };
  /** Unix times. `madeAfter`: of the complete sample before the first that saw it; undefined: it was there before. */
  readonly madeAfter: number | undefined;
  readonly firstAt: number;
  lastAt: number;
  /** The number of the last sample that saw it: many may come in a millisecond. */
  lastSample: number;
}

interface Last extends LastCounters {
  readonly endedAt: number;
  /** The time of the complete sample before. */
  readonly madeAfter: number | undefined;
}

/** What one sample found. */
interface DevicesSeen {
  readonly walked: readonly WalkedDevice[];
  /** In the same order. */
  readonly devices: readonly Device[];
  readonly complete: boolean;
  /** Before the walk, and after it. */
  readonly rows: RowsRead;
  readonly rowsAfter: RowsRead;
  /** Devices of other drivers that are there: their entries are only to be forgotten. */
  readonly foreign: ReadonlySet<bigint>;
}

/** Who has entries of devices, and who knows whose they were. */
interface Tables {
  readonly owners: Holders;
  readonly subjects: readonly OpenSubject[];
}

interface Steps {
  /** The device as a walk of this moment would show it. */
  readonly make: (walked: WalkedDevice) => Device;
  readonly released: (rows: ReadonlySet<number>) => void;
}

export class Deletions {
  readonly #probes: Probes;
  readonly #tables: Tables;
  readonly #log: DeletedLog;
  readonly #lastCounters: LastCountersTable;
  readonly #recycler: Recycler;
  #known = new Map<bigint, Known>();
  readonly #last = new Map<bigint, Last>();
  readonly #reported = new Set<bigint>();
  #samples = 0;
  /** The time of the last complete sample. */
  #completeAt: number | undefined;

  constructor(probes: Probes, object: BpfObject, tables: Tables, log: DeletedLog) {
    this.#probes = probes;
    this.#tables = tables;
    this.#log = log;
    this.#lastCounters = new LastCountersTable(object);
    this.#recycler = new Recycler(object);
  }

  /** Devices that may come back. */
  get absent(): Iterable<bigint> {
    return this.#recycler.absent;
  }

  /** After each sample, complete or not. */
  see({ walked, devices, complete, rows, rowsAfter }: DevicesSeen): void {
    const now = Date.now() / 1000;
    const nowNs = process.hrtime.bigint();
    this.#samples += 1;
    for (const [id, last] of this.#probes.can('last-counters') ? this.#lastCounters.take() : [])
      this.#note(id, { ...last, endedAt: now - Number(nowNs - last.endedNs) / 1e9, madeAfter: this.#completeAt });
    for (const [place, one] of walked.entries()) {
      const known = this.#known.get(one.id);
      const device = devices[place];
      if (known && known.device === device) {
        known.lastAt = now;
        known.lastSample = this.#samples;
        continue;
      }
      const owner = device?.queues.find((queue) => queue.owner)?.owner ?? known?.owner;
      const sums = rows.devices.get(one.id) ?? new Map();
      const first = known ?? this.#first(one, now);
      const sumsAfter = rowsAfter.devices.get(one.id) ?? new Map();
      const last = { walked: one, sums, sumsAfter, device, owner, lastAt: now, lastSample: this.#samples };
      this.#known.set(one.id, { ...first, ...last });
    }
    if (complete) this.#completeAt = now;
  }

  /** Counts the devices that are gone, and returns them. An incomplete sample does not show who is, but for a note of its deletion. */
  recycle({ walked, complete, rows, foreign }: DevicesSeen, { make, released }: Steps): ReadonlySet<bigint> {
    const isThere = (id: bigint): boolean => this.#known.get(id)?.lastSample === this.#samples || foreign.has(id);
    const isAway = (id: bigint): boolean => (complete || this.#last.has(id)) && !isThere(id);
    // As many are known as there are: none of them is gone.
    const known = this.#known.size > walked.length ? this.#known.keys() : [];
    const { subjects } = this.#tables;
    const tables = subjects.map((subject) => subject.devices?.() ?? []);
    const away = new Set<bigint>();
    for (const ids of [...tables, known, this.#last.keys(), rows.rowNumbers.keys()])
      for (const id of ids) if (isAway(id)) away.add(id);
    const back = new Set([...this.#recycler.absent].filter(isThere));
    const numbers = new Map([...away, ...back].map((id) => [id, rows.rowNumbers.get(id) ?? []]));
    const when = {
      nowMs: performance.now(),
      endsAreSeen: this.#probes.can('last-counters'),
      isOver: (id: bigint) => this.#last.has(id),
    };
    const gone = this.#recycler.update(numbers, back, when, (free) => {
      if (free.size > 0) released(free);
    });
    const isForeign = (id: bigint): boolean => subjects.some((subject) => subject.isForeign?.(id));
    this.#report(
      [...gone].filter((id) => away.has(id) && !isForeign(id)),
      rows,
      make,
    );
    return gone;
  }

  /** Nothing will be read any more: every device that is known has ended with its driver. */
  end(rows: RowsRead, make: Steps['make']): void {
    this.see({ walked: [], devices: [], complete: false, rows, rowsAfter: rows, foreign: new Set() });
    this.#report([...new Set([...this.#known.keys(), ...this.#last.keys(), ...rows.rowNumbers.keys()])], rows, make);
  }

  #first({ counters }: WalkedDevice, now: number): Pick<Known, 'before' | 'madeAfter' | 'firstAt' | 'isWhole'> {
    const before = { delivered: counters.txPackets, received: counters.rxPackets };
    const isNew = this.#completeAt !== undefined;
    return {
      before: isNew ? { delivered: 0, received: 0 } : before,
      madeAfter: this.#completeAt,
      firstAt: now,
      isWhole: isNew,
    };
  }

  #note(id: bigint, last: Last): void {
    this.#last.set(id, last);
    // A process that goes on is looked up while the device's rows are waited for.
    if (last.owner) this.#tables.owners.identityOf(last.owner.pid, last.owner.started);
  }

  #report(ids: readonly bigint[], rows: RowsRead, make: Steps['make']): void {
    if (ids.length === 0) return;
    const ended = ids.filter((id) => !this.#reported.has(id)).map((id) => this.#endedDevice(id, rows, make));
    this.#log.add(ended.toSorted((one, other) => one.endedAt - other.endedAt));
    for (const id of ids) {
      this.#known.delete(id);
      this.#last.delete(id);
      this.#reported.add(id);
    }
    for (const id of this.#reported) {
      if (this.#reported.size <= MOST_REPORTED) break;
      this.#reported.delete(id);
    }
  }

  #endedDevice(id: bigint, rows: RowsRead, make: Steps['make']): EndedDevice {
    const [known, last] = [this.#known.get(id), this.#last.get(id)];
    const walked = finalWalk(id, rows.devices.get(id) ?? new Map(), known, last);
    const device = make(walked);
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
    return neverUp ? [] : ['its end was not seen: what the kernel counted after the last sample is not in it'];
  }

  #ownerOf({ pid, comm, started, cgroup }: LastOwner): Owner {
    const startedAt = unixTimeOf(ticksOf(started));
    return { pid, comm, startedAt, identity: this.#tables.owners.identityOf(pid, started) ?? identityIn(cgroup) };
  }
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
