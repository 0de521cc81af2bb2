// SPDX-License-Identifier: Apache-2.0
// What guests of macvtaps and ipvtaps sent and the host freed on its way out, counted while a person asks (bpf/tap-losses.bpf.h).
import { HashEntries } from '../engine/hash-entries.ts';
import { bytes32, bytes64, openQuestion } from '../engine/open-object.ts';
import { Places } from '../engine/places.ts';
import type { Parts } from '../engine/subject.ts';
import { isLoss, type SilentReasons, silentReasons } from '../engine/unnamed-losses.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfLink, BpfObject } from '../kernel/native.ts';
import type { SendDrops } from '../snapshot/device.ts';

const PROGRAM = 'lost_behind_tap';
const KEY_FIELDS = ['location', 'netns', 'ifindex', 'reason', 'is_own'] as const;
/** The function that ends the socket of a macvtap's queue: by it the socket of a packet is known. */
const SOCKET_END = 'tap_sock_destruct';

type Needed = Pick<Parts, 'question' | 'programs'> & { readonly probes: Pick<Parts['probes'], 'symbols'> };

export class TapLosses {
  readonly #parts: Needed;
  readonly #places: Places<string>;
  #counting: Counting | undefined;
  /** Why the kernel refuses to count. */
  refused: string | undefined;
  #drops: ReadonlyMap<string, SendDrops> = new Map();

  constructor(parts: Needed) {
    this.#parts = parts;
    this.#places = new Places(parts.probes.symbols);
  }

  /** undefined: no person asks, or the kernel refuses the program. */
  of(netns: number, ifindex: number): SendDrops | undefined {
    return this.#counting && (this.#drops.get(`${netns} ${ifindex}`) ?? NONE);
  }

  /** Attached and detached as a person asks. */
  refresh(hasDevices: boolean): void {
    const isWanted = hasDevices && this.#parts.question.isOpen;
    if (!isWanted) this.close();
    if (!isWanted || this.#counting || this.refused !== undefined) return;
    const { programs, probes } = this.#parts;
    const socketEnd = probes.symbols()?.address(SOCKET_END);
    if (socketEnd === undefined) {
      this.refused = `the kernel does not show where ${SOCKET_END} is`;
      return;
    }
    try {
      this.#counting = new Counting(socketEnd, silentReasons(programs.reasons), programs.typedReads);
    } catch (error) {
      this.refused = errnoOf(error);
      if (this.refused === undefined) throw error;
    }
  }

  /** Once a sample. */
  read(): void {
    if (!this.#counting) return;
    const entries = this.#counting.read();
    this.#places.learn(entries.map(({ address }) => address));
    const drops = new Map<string, SendDrops>();
    for (const { device, reason, address, isOwn, packets } of entries) {
      const known = drops.get(device) ?? NONE;
      const drop = { ...this.#places.of(device, this.#parts.programs.reasons.name(reason), address), packets };
      if (!isLoss(drop)) continue;
      drops.set(device, {
        dropped: [...known.dropped, drop],
        beforeCounted: known.beforeCounted + (isOwn ? packets : 0),
      });
    }
    this.#drops = drops;
  }

  close(): void {
    this.#counting?.close();
    this.#counting = undefined;
    this.refused = undefined;
    this.#drops = new Map();
  }
}

const NONE: SendDrops = { dropped: [], beforeCounted: 0 };

interface Entry {
  /** Its namespace and ifindex. */
  readonly device: string;
  readonly reason: number;
  readonly address: bigint;
  readonly isOwn: boolean;
  readonly packets: number;
}

/** The program, attached. */
class Counting {
  readonly #object: BpfObject;
  readonly #link: BpfLink;
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<(typeof KEY_FIELDS)[number], number>>;

  constructor(socketEnd: bigint, { unnamed, consumed }: SilentReasons, typedReads: boolean) {
    this.#object = openQuestion('ways', typedReads);
    try {
      for (const { name } of this.#object.programs) this.#object.setAutoload(name, name === PROGRAM);
      this.#object.setVariable(SOCKET_END, bytes64(socketEnd));
      this.#object.setVariable('reason_not_specified', bytes32(unnamed));
      this.#object.setVariable('reason_consumed', bytes32(consumed));
      this.#object.load();
      this.#at = layoutOf(this.#object.btf(), 'tap_loss_key', KEY_FIELDS).at;
      this.#entries = new HashEntries(this.#object, 'tap_losses');
      this.#link = this.#object.attach(PROGRAM);
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  read(): readonly Entry[] {
    const at = this.#at;
    return this.#entries.read().map(({ key, value }) => ({
      device: `${key.getUint32(at.netns, true)} ${key.getUint32(at.ifindex, true)}`,
      reason: key.getUint32(at.reason, true),
      address: key.getBigUint64(at.location, true),
      isOwn: key.getUint32(at.is_own, true) === 1,
      packets: Number(value.getBigUint64(0, true)),
    }));
  }

  close(): void {
    this.#link.detach();
    this.#object.close();
  }
}
