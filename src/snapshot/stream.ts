// SPDX-License-Identifier: Apache-2.0
// Snapshots as lines, from the counting process to the serving process. A device is sent again only when it is another object than in the
// snapshot before. Until then it is the same object in the serving process too: a device that stands still costs its readers nothing.
import type { Device } from './device.ts';
import { type SnapshotJson, snapshotFromJson, snapshotToJson } from './json.ts';
import type { Snapshot } from './snapshot.ts';

/** What may come back: one byte each, so that nothing is parsed by the process that has rights. */
export const REQUESTS = { snapshot: 's', listening: 'l', pulse: 'p', serves: 'h', question: 'q', exact: 'e' } as const;

/** A line that belongs to a snapshot: a device, or the end of it. */
export interface SnapshotPart extends Partial<End> {
  readonly device?: Device;
}

interface End {
  readonly snapshot: Omit<SnapshotJson, 'devices'>;
  /**
   * Each device's place among the devices of the previous snapshot; -1: it is the next device sent since then.
   * A number: as many devices as before, all at the same places.
   */
  readonly places: readonly number[] | number;
}

export class SnapshotWriter {
  #placeOf: ReadonlyMap<Device, number> = new Map();
  #devices: readonly Device[] = [];

  /** The lines of a snapshot, without line ends. The last one ends the snapshot. */
  *lines(snapshot: Snapshot): Generator<string, void, undefined> {
    const { devices } = snapshot;
    const places = devices.map((device) => this.#placeOf.get(device) ?? -1);
    for (const [index, place] of places.entries()) if (place < 0) yield JSON.stringify({ device: devices[index] });
    const isSame = places.length === this.#devices.length && places.every((place, index) => place === index);
    const { devices: _, ...rest } = snapshotToJson({ ...snapshot, devices: [] });
    if (!isSame) {
      this.#devices = devices;
      this.#placeOf = new Map(devices.map((device, index) => [device, index]));
    }
    const end: End = { snapshot: rest, places: isSame ? places.length : places };
    yield JSON.stringify(end);
  }
}

export class SnapshotReader {
  #devices: readonly Device[] = [];
  #sent: Device[] = [];

  /** undefined: more lines belong to the snapshot. Throws if it is out of step with the writer. */
  take({ device, snapshot, places }: SnapshotPart): Snapshot | undefined {
    if (device !== undefined) this.#sent.push(device);
    if (snapshot === undefined || places === undefined) return undefined;
    if (places !== this.#devices.length || this.#sent.length > 0) this.#devices = this.#placed(places);
    this.#sent = [];
    return snapshotFromJson({ ...snapshot, devices: this.#devices });
  }

  #placed(places: readonly number[] | number): readonly Device[] {
    if (typeof places === 'number') throw new Error('The devices of a snapshot do not follow those of the one before.');
    const sent = this.#sent.values();
    return places.map((place) => {
      const device = place < 0 ? sent.next().value : this.#devices[place];
      if (device === undefined) throw new Error('A device of a snapshot was not sent.');
      return device;
    });
  }
}
