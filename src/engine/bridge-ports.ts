// SPDX-License-Identifier: Apache-2.0
// What the walk writes of a device that is a port of a bridge, and where the kernel keeps that: offsets from the bridge's own types.

import { errnoOf } from '../kernel/error-name.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import { Btf } from '../kernel/native.ts';
import { type BridgePort, PORT_STATES } from '../snapshot/device.ts';

const DEVICE_FIELDS = [
  'port',
  'bridge_flags',
  'bridge_stp',
  'bridge_options',
  'port_state',
  'port_flags',
  'isolated_beside',
  'bridge',
] as const;
/** struct bridge_layout of bpf/bridge-layout.bpf.h. */
const LAYOUT_FIELDS = [
  'known',
  'port_bridge',
  'port_dev',
  'port_list',
  'port_state',
  'port_flags',
  'bridge_dev',
  'bridge_ports',
  'bridge_stp',
  'bridge_options',
  'bridge_addresses',
  'address_node',
  'address_key',
  'address_port',
] as const;
type Offsets = Readonly<Record<(typeof LAYOUT_FIELDS)[number], number>>;

const NAME_BYTES = 16; // IFNAMSIZ
const IFF_UP = 1;
/** The kernel's own type information is large; it is asked again now and then, for the bridge's module may come. */
const TRIED_EVERY_MS = 15_000;
/** linux/if_bridge.h: macros, the same since 4.18. */
const BR_LEARNING = 1 << 5;
const BR_FLOOD = 1 << 6;
const BR_ISOLATED = 1 << 16;
/** BROPT_VLAN_ENABLED, the first of enum net_bridge_opts; since 4.20. */
const VLAN_ENABLED = 1 << 0;
const STP = ['off', 'kernel', 'user'] as const;

export class BridgePorts {
  readonly #device: Layout<(typeof DEVICE_FIELDS)[number]>;
  readonly #layout: Layout<(typeof LAYOUT_FIELDS)[number]>;
  #offsets: Offsets | undefined;
  #triedMs = -TRIED_EVERY_MS;

  constructor(btf: Btf) {
    this.#device = layoutOf(btf, 'walked_device', DEVICE_FIELDS);
    this.#layout = layoutOf(btf, 'bridge_layout', LAYOUT_FIELDS);
  }

  /** Writes the offsets into the walk's request, where its `bridge_layout` is. */
  request(request: DataView, place: number): void {
    for (const field of LAYOUT_FIELDS)
      request.setUint16(place + this.#layout.at[field], this.#offsets?.[field] ?? 0, true);
  }

  /** Called when there are ports; true: the walk can read them now, and could not before. */
  learn(): boolean {
    if (this.#offsets || performance.now() - this.#triedMs < TRIED_EVERY_MS) return false;
    this.#triedMs = performance.now();
    this.#offsets = offsetsIn('bridge') ?? offsetsIn(undefined);
    return this.#offsets !== undefined;
  }

  /** 'unread': it is a port, and the types of the bridge are not to be had. */
  read(view: MapView, base: number): BridgePort | 'unread' | undefined {
    const { at } = this.#device;
    const read = view.u32(base + at.port);
    if (read === 0) return undefined;
    const state = PORT_STATES[view.u32(base + at.port_state)];
    if (read === 1 || state === undefined) return 'unread';
    const flags = view.u32(base + at.port_flags);
    return {
      bridge: view.text(base + at.bridge, NAME_BYTES),
      bridgeUp: (view.u32(base + at.bridge_flags) & IFF_UP) !== 0,
      state,
      stp: STP[view.u32(base + at.bridge_stp)] ?? 'user',
      filtersVlans: (view.u32(base + at.bridge_options) & VLAN_ENABLED) !== 0,
      isolated: (flags & BR_ISOLATED) !== 0,
      isolatedBeside: view.u32(base + at.isolated_beside),
      learns: (flags & BR_LEARNING) !== 0,
      floods: (flags & BR_FLOOD) !== 0,
    };
  }
}

function offsetsIn(module: string | undefined): Offsets | undefined {
  const types = openTypes(module);
  try {
    if (!types?.struct('net_bridge_port') || !types.struct('net_bridge')) return undefined;
    const port = layoutOf(types, 'net_bridge_port', ['br', 'dev', 'list', 'state', 'flags']).at;
    const bridge = layoutOf(types, 'net_bridge', ['dev', 'port_list', 'stp_enabled', 'options', 'fdb_hash_tbl']).at;
    const address = layoutOf(types, 'net_bridge_fdb_entry', ['rhnode', 'key', 'dst']).at;
    return {
      known: 1,
      port_bridge: port.br,
      port_dev: port.dev,
      port_list: port.list,
      port_state: port.state,
      port_flags: port.flags,
      bridge_dev: bridge.dev,
      bridge_ports: bridge.port_list,
      bridge_stp: bridge.stp_enabled,
      bridge_options: bridge.options,
      bridge_addresses: bridge.fdb_hash_tbl,
      address_node: address.rhnode,
      address_key: address.key,
      address_port: address.dst,
    };
  } finally {
    types?.close();
  }
}

/** undefined: built in, not loaded, or no right to read its types. */
function openTypes(module: string | undefined): Btf | undefined {
  try {
    return Btf.kernel(module);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
