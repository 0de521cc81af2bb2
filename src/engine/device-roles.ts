// SPDX-License-Identifier: Apache-2.0
// What devices are to the programs of a question (bpf/device-roles.bpf.h): its own, ports of their bridges, and others that are watched.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { bytes32, mapEntries } from './open-object.ts';

export interface NumberedDevice {
  readonly netns: number;
  readonly ifindex: number;
}

/** enum device_role */
const ROLES = { asked: 1, port: 2, guest: 4, bridge: 8, macvtap: 16, below: 32 } as const;
export type Role = keyof typeof ROLES;

interface Given extends NumberedDevice {
  readonly roles: number;
}

export class DeviceRoles {
  readonly #object: BpfObject;
  readonly #places: number;
  readonly #device;
  readonly #place;
  /** By its two numbers. */
  readonly #given = new Map<string, Given>();
  /** The same by the low bits of the ifindex. */
  readonly #sharing = new Map<number, Map<string, Given>>();

  /** Of a loaded object. */
  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#object = object;
    this.#places = mapEntries(object, 'device_places');
    this.#device = layoutOf(btf, 'came_in_by', ['netns', 'ifindex']);
    this.#place = layoutOf(btf, 'device_place', ['netns', 'ifindex', 'roles', 'others']);
  }

  give(device: NumberedDevice, role: Role): void {
    this.#set(device, this.#rolesOf(device) | ROLES[role]);
  }

  take(device: NumberedDevice, role: Role): void {
    this.#set(device, this.#rolesOf(device) & ~ROLES[role]);
  }

  #rolesOf({ netns, ifindex }: NumberedDevice): number {
    return this.#given.get(`${netns} ${ifindex}`)?.roles ?? 0;
  }

  #set({ netns, ifindex }: NumberedDevice, roles: number): void {
    const name = `${netns} ${ifindex}`;
    if (this.#rolesOf({ netns, ifindex }) === roles) return;
    const given = { netns, ifindex, roles };
    const place = ifindex % this.#places;
    const sharing = this.#sharing.get(place) ?? new Map<string, Given>();
    this.#sharing.set(place, sharing);
    const key = this.#keyOf(given);
    if (roles === 0) {
      this.#given.delete(name);
      sharing.delete(name);
      this.#object.remove('device_roles', key);
    } else {
      this.#object.update('device_roles', key, bytes32(roles));
      this.#given.set(name, given);
      sharing.set(name, given);
    }
    this.#object.update('device_places', bytes32(place), this.#placeOf([...sharing.values()]));
  }

  #keyOf({ netns, ifindex }: NumberedDevice): Uint8Array {
    const { at, size } = this.#device;
    const key = new Uint8Array(size);
    const view = new DataView(key.buffer);
    view.setUint32(at.netns, netns, true);
    view.setUint32(at.ifindex, ifindex, true);
    return key;
  }

  #placeOf([first, ...others]: readonly Given[]): Uint8Array {
    const { at, size } = this.#place;
    const place = new Uint8Array(size);
    const view = new DataView(place.buffer);
    view.setUint32(at.netns, first?.netns ?? 0, true);
    view.setUint32(at.ifindex, first?.ifindex ?? 0, true);
    view.setUint32(at.roles, first?.roles ?? 0, true);
    view.setUint32(at.others, others.length, true);
    return place;
  }
}
