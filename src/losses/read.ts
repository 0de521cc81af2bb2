// SPDX-License-Identifier: Apache-2.0
// Single lost packets and stacks out of the ring buffer of bpf/follow.bpf.c, by way of one buffer that is used again.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { BpfObject, RingBuffer } from '../kernel/native.ts';
import type { PacketFlow } from '../snapshot/losses.ts';
import { flowOf } from './packet-header.ts';

/** What losses are counted by. */
export interface LossKey {
  /** The id of the device, as Device.id has it; '0': the device was being deleted. */
  readonly deviceId: string;
  /** undefined: lost before a queue was chosen for good. */
  readonly queue: number | undefined;
  /** Number of the kernel's. */
  readonly reason: number;
  /** An address in the function that freed the packet. */
  readonly location: bigint;
}

export interface LostPacket {
  readonly kind: 'packet';
  readonly key: LossKey;
  /** Nanoseconds, CLOCK_MONOTONIC. */
  readonly atNs: bigint;
  readonly bytes: number;
  readonly flow: PacketFlow;
}

export interface LostStack {
  readonly kind: 'stack';
  readonly key: LossKey;
  /** Addresses, the innermost first. */
  readonly frames: readonly bigint[];
}

const KEY_FIELDS = ['device_id', 'location', 'reason', 'queue'] as const;
const PACKET_FIELDS = ['kind', 'length', 'key', 'at', 'protocol', 'header_length', 'header'] as const;
const STACK_FIELDS = ['bytes', 'key', 'frames'] as const;
const NO_QUEUE = 0xffffffff;
const BUFFER_BYTES = 65_536;
/** Bytes of the length before each record in the buffer. */
const LENGTH_BYTES = 4;

export class LossKeys {
  readonly #layout: Layout<(typeof KEY_FIELDS)[number]>;

  constructor(object: BpfObject) {
    this.#layout = layoutOf(object.btf(), 'loss_key', KEY_FIELDS);
  }

  read(view: DataView, base: number): LossKey {
    const { at } = this.#layout;
    const queue = view.getUint32(base + at.queue, true);
    return {
      deviceId: String(view.getBigUint64(base + at.device_id, true)),
      queue: queue === NO_QUEUE ? undefined : queue,
      reason: view.getUint32(base + at.reason, true),
      location: view.getBigUint64(base + at.location, true),
    };
  }
}

export class LossRecords {
  readonly #ring: RingBuffer;
  readonly #keys: LossKeys;
  readonly #packet: Layout<(typeof PACKET_FIELDS)[number]>;
  readonly #stack: Layout<(typeof STACK_FIELDS)[number]>;
  readonly #stackKind: number | undefined;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#ring = object.ringBuffer('records');
    this.#keys = new LossKeys(object);
    this.#packet = layoutOf(btf, 'lost_packet', PACKET_FIELDS);
    this.#stack = layoutOf(btf, 'lost_stack', STACK_FIELDS);
    this.#stackKind = btf.enumValues('record_kind')?.find(({ name }) => name === 'RECORD_STACK')?.value;
  }

  /** All that lie there. */
  *drain(): Generator<LostPacket | LostStack> {
    for (;;) {
      const { records, bytes } = this.#ring.drain(this.#buffer, BUFFER_BYTES);
      for (let base = 0; base < bytes; ) {
        yield this.#read(base + LENGTH_BYTES);
        base += LENGTH_BYTES + Math.ceil(this.#view.getUint32(base, true) / 8) * 8;
      }
      if (records === 0) return;
    }
  }

  close(): void {
    this.#ring.close();
  }

  #read(base: number): LostPacket | LostStack {
    const stack = this.#view.getUint32(base + this.#packet.at.kind, true) === this.#stackKind;
    return stack ? this.#readStack(base) : this.#readPacket(base);
  }

  #readPacket(base: number): LostPacket {
    const { at } = this.#packet;
    const header = base + at.header;
    const etherType = this.#view.getUint16(base + at.protocol, false);
    return {
      kind: 'packet',
      key: this.#keys.read(this.#view, base + at.key),
      atNs: this.#view.getBigUint64(base + at.at, true),
      bytes: this.#view.getUint32(base + at.length, true),
      flow: flowOf(
        etherType,
        this.#buffer.subarray(header, header + this.#view.getUint16(base + at.header_length, true)),
      ),
    };
  }

  #readStack(base: number): LostStack {
    const { at } = this.#stack;
    const depth = this.#view.getUint32(base + at.bytes, true) / BigUint64Array.BYTES_PER_ELEMENT;
    return {
      kind: 'stack',
      key: this.#keys.read(this.#view, base + at.key),
      frames: Array.from({ length: depth }, (_, i) => this.#view.getBigUint64(base + at.frames + 8 * i, true)),
    };
  }
}
