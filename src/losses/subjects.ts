// SPDX-License-Identifier: Apache-2.0
// The subject of a loss: names of device, namespace, function, reason and owner.

import type { Device } from '../snapshot/device.ts';
import type { LossPlace, LossSubject } from '../snapshot/losses.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Follow, LossCount } from './follow.ts';
import { UNTRACED } from './follow-object.ts';
import type { LossSubjects } from './loss-accounting.ts';
import type { LossKey } from './read.ts';

const PLACES: Readonly<Record<string, LossPlace>> = {
  TRANSMIT: 'tun',
  PURGED: 'purged',
  RESIZED: 'resized',
  FAILED: 'failed',
  OVERFLOWED: 'overflowed',
};

export class FollowedSubjects implements LossSubjects {
  readonly #follow: Follow;
  #devices: ReadonlyMap<string, Device> = new Map();
  #namespaces: ReadonlyMap<number, string> = new Map();
  #byKey: ReadonlyMap<string, LossCount> = new Map();

  constructor(follow: Follow) {
    this.#follow = follow;
  }

  see({ devices, agent }: Snapshot): void {
    this.#devices = new Map(devices.map((device) => [device.id, device]));
    this.#namespaces = agent.namespaceNames;
  }

  /** undefined: it has no name. */
  namespaceOf(netns: number): string | undefined {
    return this.#namespaces.get(netns);
  }

  counts(): readonly LossCount[] {
    const counts = this.#follow.counts();
    this.#byKey = new Map(counts.map((count) => [textOf(count.key), count]));
    return counts;
  }

  ofCount({ key, kind, netns, device }: LossCount): LossSubject {
    const queues = this.#devices.get(key.deviceId)?.queues ?? [];
    return {
      netns,
      namespace: this.#namespaces.get(netns),
      device,
      queue: key.queue,
      where: PLACES[kind] ?? 'before',
      reason: this.#follow.reasonName(key.reason),
      location: this.#follow.functionName(key.location),
      owner: (queues.find(({ index }) => index === key.queue) ?? queues[0])?.owner,
    };
  }

  ofDevice({ netns, name, queues }: Device): LossSubject {
    return {
      netns,
      namespace: this.#namespaces.get(netns),
      device: name,
      queue: undefined,
      where: 'tun',
      reason: UNTRACED,
      location: undefined,
      owner: queues[0]?.owner,
    };
  }

  /** Whose first packet came since the last counts(): they are read again. */
  ofKey(key: LossKey): LossSubject | undefined {
    if (!this.#byKey.has(textOf(key))) this.counts();
    const count = this.#byKey.get(textOf(key));
    return count && this.ofCount(count);
  }
}

function textOf({ deviceId, queue, reason, location }: LossKey): string {
  return `${deviceId} ${queue} ${reason} ${location}`;
}
