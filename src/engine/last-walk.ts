// SPDX-License-Identifier: Apache-2.0
// What the last walk wrote, as bytes. A device of which no byte changed since is the same object as then: reading its record costs a
// comparison, and the code that gets the object knows that nothing changed.
import type { MapView } from '../kernel/map-view.ts';

/** The places and the layout of the records; bytes. */
interface WalkLayout {
  readonly device: {
    readonly size: number;
    readonly at: Readonly<Record<'device_id' | 'first_queue' | 'queues_written', number>>;
  };
  readonly queue: { readonly size: number; readonly at: Readonly<Record<'device', number>> };
}

interface Place<Device> {
  readonly index: number;
  readonly first: number;
  readonly queues: number;
  readonly device: Device;
}

/** Bytes of a u32. */
const NUMBER_BYTES = 4;

export class LastWalk<Device> {
  readonly #devices: MapView;
  readonly #queues: MapView;
  readonly #layout: WalkLayout;
  #list: readonly Device[] = [];
  #places: ReadonlyMap<bigint, Place<Device>> = new Map();
  #deviceBytes = new Uint8Array();
  #queueBytes = new Uint8Array();
  /** How many of #queueBytes the last walk wrote. */
  #queueEnd = 0;

  constructor(devices: MapView, queues: MapView, layout: WalkLayout) {
    this.#devices = devices;
    this.#queues = queues;
    this.#layout = layout;
  }

  /** The devices of the walk that has just ended; `read` makes those that changed. The same list when none did. */
  update(count: number, read: (index: number) => Device): readonly Device[] {
    if (this.#isWhole(count)) return this.#list;
    const places = new Map<bigint, Place<Device>>();
    this.#list = Array.from({ length: count }, (_, index) => {
      const { id, ...place } = this.#placeOf(index);
      const known = this.#places.get(id);
      const device = known !== undefined && this.#isSame(known, place) ? known.device : read(index);
      places.set(id, { ...place, device });
      return device;
    });
    this.#places = places;
    this.#keep(count);
    return this.#list;
  }

  #placeOf(index: number): Omit<Place<Device>, 'device'> & { readonly id: bigint } {
    const { size, at } = this.#layout.device;
    const base = index * size;
    const first = this.#devices.u32(base + at.first_queue);
    return {
      index,
      id: this.#devices.bigint(base + at.device_id),
      first,
      queues: this.#devices.u32(base + at.queues_written),
    };
  }

  #isWhole(count: number): boolean {
    const deviceEnd = count * this.#layout.device.size;
    if (count !== this.#list.length || !this.#devices.isSame(this.#deviceBytes, 0, 0, deviceEnd)) return false;
    return this.#queues.isSame(this.#queueBytes, 0, 0, this.#queueEnd);
  }

  /** It may stand elsewhere in the list, where others came or went: its place is no part of it. */
  #isSame(known: Place<Device>, now: Omit<Place<Device>, 'device'>): boolean {
    const { size, at } = this.#layout.device;
    const [before, base] = [known.index * size, now.index * size];
    const behind = at.first_queue + NUMBER_BYTES;
    if (known.queues !== now.queues) return false;
    if (!this.#devices.isSame(this.#deviceBytes, before, base, at.first_queue)) return false;
    if (!this.#devices.isSame(this.#deviceBytes, before + behind, base + behind, size - behind)) return false;
    const queue = this.#layout.queue.size;
    if (known.index !== now.index) this.#renumber(known, now.index);
    return this.#queues.isSame(this.#queueBytes, known.first * queue, now.first * queue, now.queues * queue);
  }

  #renumber({ first, queues }: Place<Device>, index: number): void {
    const { size, at } = this.#layout.queue;
    const view = new DataView(this.#queueBytes.buffer);
    for (let queue = first; queue < first + queues; queue += 1) view.setUint32(queue * size + at.device, index, true);
  }

  #keep(count: number): void {
    const last = count > 0 ? this.#placeOf(count - 1) : { first: 0, queues: 0 };
    const deviceEnd = count * this.#layout.device.size;
    this.#queueEnd = (last.first + last.queues) * this.#layout.queue.size;
    this.#deviceBytes = roomFor(deviceEnd, this.#deviceBytes);
    this.#queueBytes = roomFor(this.#queueEnd, this.#queueBytes);
    this.#devices.copy(this.#deviceBytes, 0, deviceEnd);
    this.#queues.copy(this.#queueBytes, 0, this.#queueEnd);
  }
}

function roomFor(bytes: number, room: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return room.length >= bytes ? room : new Uint8Array(2 * bytes);
}
