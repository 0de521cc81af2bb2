// SPDX-License-Identifier: Apache-2.0
// What the walk wrote of the qdiscs in front of a device (bpf/walk/backlog.bpf.h).
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { Btf } from '../kernel/native.ts';
import type { BacklogHolder } from '../snapshot/device.ts';
import { counted, NAME_BYTES } from './walked-fields.ts';

/** Of the qdiscs in front of a device, as they have it now: the counters begin with each qdisc, and have 32 bits. */
export interface WalkedBacklog {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly requeues: number;
  /** undefined: nothing stands. */
  readonly holder: BacklogHolder | undefined;
}

const BACKLOG_FIELDS = [
  'backlog_read',
  'backlog_packets',
  'backlog_bytes',
  'qdisc_dropped',
  'qdisc_requeues',
  'holder_packets',
  'holder_handle',
  'holder_class',
  'holder_queue',
  'holder_sent',
  'holder',
] as const;
export class WalkedBacklogs {
  readonly #layout: Layout<(typeof BACKLOG_FIELDS)[number]>;

  constructor(btf: Btf) {
    this.#layout = layoutOf(btf, 'walked_device', BACKLOG_FIELDS);
  }

  /** `base`: of the device's record. undefined: none of its qdiscs can hold packets, or is read. */
  read(devices: MapView, base: number): WalkedBacklog | undefined {
    const { at } = this.#layout;
    const u32 = (field: (typeof BACKLOG_FIELDS)[number]): number => devices.u32(base + at[field]);
    if (u32('backlog_read') === 0) return undefined;
    return {
      packets: u32('backlog_packets'),
      bytes: u32('backlog_bytes'),
      dropped: u32('qdisc_dropped'),
      requeues: u32('qdisc_requeues'),
      holder: u32('holder_packets') === 0 ? undefined : this.#holder(devices, base, u32),
    };
  }

  #holder(devices: MapView, base: number, u32: (field: (typeof BACKLOG_FIELDS)[number]) => number): BacklogHolder {
    const { at } = this.#layout;
    const queue = u32('holder_queue');
    return {
      kind: devices.text(base + at.holder, NAME_BYTES),
      handle: u32('holder_handle'),
      class: u32('holder_class'),
      queue: queue === 0 ? undefined : queue - 1,
      packets: u32('holder_packets'),
      sent: counted(devices.bigint(base + at.holder_sent)),
    };
  }
}
