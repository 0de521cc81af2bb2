// SPDX-License-Identifier: Apache-2.0
// OpenMetrics' `_created`: since when a counter or histogram counts. Only where that is known: a time that is too late would make rates of what was before.

import type { Device } from '../../snapshot/device.ts';
import type { Metric } from '../../snapshot/metric.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import type { SeriesOwner, SeriesOwners, ShownDevice } from './series-owner.ts';

interface Start {
  /** Unix time, seconds; undefined: it is not known. */
  readonly at: number | undefined;
  /** The kernel may have counted before the agent did. */
  readonly isOld: boolean;
}

interface Reading {
  readonly devices: readonly Device[];
  readonly agent: AgentState | undefined;
  /** Unix time, seconds; undefined: it failed. */
  readonly takenAt?: number | undefined;
}

/** Readings for which a device that is left out keeps its start. */
const GRACE = 3;

export class SeriesCreated {
  /** Unix time of this process's start: the probes are attached later. */
  readonly began: number;
  readonly #devices = new Map<string, Start & { seenAt: number }>();
  readonly #owners = new WeakMap<SeriesOwner, Start>();
  #first: Start | undefined;
  #before = { takenAt: 0, incomplete: 0 };
  #readings = 0;

  constructor(began = performance.timeOrigin / 1000) {
    this.began = began;
  }

  read({ devices, agent, takenAt }: Reading, { agent: own, otherDevice, otherQueue }: SeriesOwners): void {
    if (takenAt === undefined) return;
    this.#readings += 1;
    const incomplete = agent?.incompleteSnapshots ?? 0;
    const isComplete = incomplete === this.#before.incomplete;
    const fresh: Start = { at: isComplete ? this.#before.takenAt : undefined, isOld: false };
    const start = this.#first === undefined ? this.#begin(agent) : fresh;
    for (const owner of [own, otherDevice, otherQueue]) if (this.#first) this.#owners.set(owner, this.#first);
    for (const { id } of devices) {
      const known = this.#devices.get(id) ?? { ...start, seenAt: 0 };
      known.seenAt = this.#readings;
      this.#devices.set(id, known);
    }
    for (const [id, { seenAt }] of this.#devices) if (this.#readings - seenAt > GRACE) this.#devices.delete(id);
    this.#before = { takenAt, incomplete };
  }

  /** A process that serves in the place of another does not know when the process that counts began with what is there. */
  #begin(agent: AgentState | undefined): Start {
    const at = agent?.counting?.servingRestarts === 0 ? this.began : undefined;
    this.#first = { at, isOld: true };
    return this.#first;
  }

  note(shown: readonly ShownDevice[]): void {
    for (const { value, owner, queues } of shown) {
      const start = this.#devices.get(value.id);
      if (start === undefined) continue;
      for (const one of [owner, ...queues.map((queue) => queue.owner)])
        if (!this.#owners.has(one)) this.#owners.set(one, start);
    }
  }

  /** Unix time, seconds; undefined: it is not known. */
  startOf(owner: SeriesOwner, { since }: Pick<Metric<never>, 'since'>): number | undefined {
    const start = this.#owners.get(owner);
    return start === undefined || (since === 'device' && start.isOld) ? undefined : start.at;
  }
}

/** The prefix of _created, from that of a counter's sample or a histogram's last one; undefined: another sample. */
export function createdPrefix(prefix: string, name: string, type: string): string | undefined {
  if (type === 'counter') return `${name.replace(/_total$/, '')}_created${prefix.slice(name.length)}`;
  const last = `${name}_count`;
  return type === 'histogram' && prefix.startsWith(last) ? `${name}_created${prefix.slice(last.length)}` : undefined;
}
