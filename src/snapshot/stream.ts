// SPDX-License-Identifier: Apache-2.0
// Snapshots as lines, from the counting process to the serving process. A device is sent again only when it is another object than in the
// snapshot before. Until then it is the same object in the serving process too: a device that stands still costs its readers nothing.
// Of what the agent says of itself the parts are sent that say something else than before.
import type { Device } from './device.ts';
import { type SnapshotJson, snapshotFromJson, snapshotToJson } from './json.ts';
import type { Snapshot } from './snapshot.ts';

/** What may come back: one byte each, so that nothing is parsed by the process that has rights. */
export const REQUESTS = { snapshot: 's', listening: 'l', pulse: 'p', serves: 'h', question: 'q', exact: 'e' } as const;

/** A line that belongs to a snapshot: a device, or the end of it. */
export interface SnapshotPart extends Partial<End> {
  readonly device?: Device;
}

type AgentJson = SnapshotJson['agent'];

interface End {
  readonly takenAt: number;
  /** The whole, where there is none before or it has other parts. */
  readonly agent?: AgentJson;
  /** Else its parts that changed. */
  readonly changed?: Partial<AgentJson>;
  /**
   * Each device's place among the devices of the previous snapshot; -1: it is the next device sent since then.
   * A number: as many devices as before, all at the same places.
   */
  readonly places: readonly number[] | number;
}

/** As it was given, and as text. */
interface Part {
  readonly part: unknown;
  readonly text: string;
}

export class SnapshotWriter {
  #placeOf: ReadonlyMap<Device, number> = new Map();
  #devices: readonly Device[] = [];
  /** The parts of what the agent says of itself. */
  #agent: ReadonlyMap<string, Part> = new Map();

  /** The lines of a snapshot, without line ends. The last one ends the snapshot. */
  *lines(snapshot: Snapshot): Generator<string, void, undefined> {
    const { devices } = snapshot;
    const places = devices.map((device) => this.#placeOf.get(device) ?? -1);
    for (const [index, place] of places.entries()) if (place < 0) yield JSON.stringify({ device: devices[index] });
    const isSame = places.length === this.#devices.length && places.every((place, index) => place === index);
    if (!isSame) {
      this.#devices = devices;
      this.#placeOf = new Map(devices.map((device, index) => [device, index]));
    }
    const end: End = {
      takenAt: snapshot.takenAt,
      ...this.#changesOf(snapshot),
      places: isSame ? places.length : places,
    };
    yield JSON.stringify(end);
  }

  /** No part is ever written again: one that is the object that it was says what it said. Most are, and cost a comparison. */
  #changesOf(snapshot: Snapshot): Pick<End, 'agent' | 'changed'> {
    const before = this.#agent;
    const now = new Map<string, Part>();
    const given = new Map<string, unknown>(Object.entries(snapshot.agent));
    const { agent } = snapshotToJson({ ...snapshot, devices: [] });
    const changed: [string, unknown][] = [];
    for (const [name, json] of Object.entries(agent)) {
      if (json === undefined) continue;
      const part = given.get(name);
      const known = before.get(name);
      const text = known !== undefined && known.part === part ? known.text : JSON.stringify(json);
      now.set(name, { part, text });
      if (known?.text !== text) changed.push([name, json]);
    }
    this.#agent = now;
    const hasSameParts = now.size === before.size && [...now.keys()].every((name) => before.has(name));
    return hasSameParts ? { changed: Object.fromEntries(changed) } : { agent };
  }
}

export class SnapshotReader {
  #devices: readonly Device[] = [];
  #sent: Device[] = [];
  #agent: AgentJson | undefined;

  /** undefined: more lines belong to the snapshot. Throws if it is out of step with the writer. */
  take({ device, takenAt, agent, changed, places }: SnapshotPart): Snapshot | undefined {
    if (device !== undefined) this.#sent.push(device);
    if (takenAt === undefined || places === undefined) return undefined;
    if (places !== this.#devices.length || this.#sent.length > 0) this.#devices = this.#placed(places);
    this.#sent = [];
    const now = agent ?? (this.#agent && { ...this.#agent, ...changed });
    if (now === undefined) throw new Error('The agent of a snapshot does not follow that of the one before.');
    this.#agent = now;
    return snapshotFromJson({ takenAt, devices: this.#devices, agent: now });
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
