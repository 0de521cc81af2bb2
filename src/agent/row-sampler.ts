// SPDX-License-Identifier: Apache-2.0
// Rows around a walk: one reading of the kernel's counters, and what was seen of the devices meanwhile.
import type { Generations } from '../engine/generations.ts';
import { Rows, type RowsRead } from '../engine/rows.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { type Walk, Walker } from '../engine/walk.ts';
import type { DeviceFilter } from '../inventory/device-filter.ts';
import { Demands } from './demands.ts';

export interface SamplerOptions {
  /** Keep counters of single CPUs. */
  readonly perCpu: boolean;
  /** The level may become `rest`. */
  readonly mayRest: boolean;
  /** Devices that are shown: queues of others need not be told apart. */
  readonly filter: DeviceFilter;
}

export interface Sample {
  readonly before: RowsRead;
  readonly walk: Walk;
  readonly after: RowsRead;
  /** CLOCK_MONOTONIC, no later than the rows were read. */
  readonly nowNs: number;
}

export class RowSampler {
  readonly #probes: Parts['probes'];
  readonly #perCpu: boolean;
  readonly #walker: Walker;
  readonly #rows: Rows;
  readonly #demands: Demands;
  #used = 0;

  constructor(
    { probes, programs: { object } }: Pick<Parts, 'probes' | 'programs'>,
    generations: Generations,
    subjects: readonly Subject[],
    { perCpu, filter }: Pick<SamplerOptions, 'perCpu' | 'filter'>,
  ) {
    this.#probes = probes;
    this.#perCpu = perCpu;
    const records = new Map(subjects.flatMap(({ events }) => events.flatMap(({ records }) => [...(records ?? [])])));
    this.#walker = new Walker(object, generations);
    this.#rows = new Rows(object, generations, () => probes.can('entry-only'), records);
    this.#demands = new Demands(probes, object, filter);
  }

  /** Again where what the walk saw asks for other programs. */
  sample(subjects: readonly OpenSubject[]): Sample {
    let first = this.#readAndWalk(subjects);
    while (this.#demands.update(first.walk.devices)) {
      this.#walk(); // prepares the queues that are watched now
      first = this.#readAndWalk(subjects);
    }
    this.#used = first.before.used;
    return { ...first, after: withOthers(this.#rows.read(false), subjects, false) };
  }

  /** The rows, and then the walk. */
  #readAndWalk(subjects: readonly OpenSubject[]): Omit<Sample, 'after'> {
    if (this.#probes.can('offers-derived')) this.#probes.settle();
    // Before the rows: a stop that they have open is reported up to here, and what its wake adds to them later is never less.
    const nowNs = Number(process.hrtime.bigint());
    const before = withOthers(this.#rows.read(true, this.#perCpu), subjects, true);
    return { nowNs, before, walk: this.#walk() };
  }

  #walk(): Walk {
    const { can } = this.#probes;
    const [stops, consumed, departures] = [can('stops'), can('dequeues'), can('dequeue-timing')];
    return this.#walker.walk({ stops, consumed, departures, exits: this.#demands.exits });
  }

  /** Without a walk: the driver has gone. */
  last(subjects: readonly OpenSubject[]): RowsRead {
    return withOthers(this.#rows.read(false), subjects, true);
  }

  /** These rows were handed back to the pool. */
  released(rows: ReadonlySet<number>): void {
    this.#rows.released(rows);
  }

  pool(): { readonly used: number; readonly capacity: number } {
    return { used: this.#used, capacity: this.#rows.capacity };
  }
}

function withOthers(rows: RowsRead, subjects: readonly OpenSubject[], isShown: boolean): RowsRead {
  return subjects.reduce((sum, subject) => subject.addTo?.(sum, isShown) ?? sum, rows);
}
