// SPDX-License-Identifier: Apache-2.0
// Packets of asked devices that ended where nothing but their address says whose they were, or that tc or XDP took: counted while a person asks.
import { Places } from '../../engine/places.ts';
import type { Parts } from '../../engine/subject.ts';
import { isLoss } from '../../engine/unnamed-losses.ts';
import { errnoOf } from '../../kernel/error-name.ts';
import { FunctionNames } from '../../kernel/function-names.ts';
import { type Expected, GuestCounting, type TakenPackets } from './guest-counting.ts';

export interface GuestLoss {
  readonly netns: number;
  /** ifindex of the guest's device, or what stands for its bridge (guest-keys.ts). */
  readonly to: number;
  /** ifindex of the device where they were freed. */
  readonly at: number;
  readonly reason: string;
  readonly location: string;
  readonly packets: number;
}

export type NeededParts = Pick<Parts, 'question' | 'programs' | 'asked'> & {
  readonly probes: Pick<Parts['probes'], 'symbols'>;
};

/** Where the core frees what tc took (sch_handle_ingress, sch_handle_egress, both mostly inlined). */
const HOOKS = [
  [/^(__netif_receive_skb_core|sch_handle_ingress)/, 'ingress'],
  [/^(__dev_queue_xmit|sch_handle_egress)/, 'egress'],
] as const;

export class LostForGuests {
  readonly #parts: NeededParts;
  readonly #places: Places<number>;
  readonly #names = new FunctionNames();
  #counting: GuestCounting | undefined;
  /** Why the kernel refuses to count. */
  refused: string | undefined;

  constructor(parts: NeededParts) {
    this.#parts = parts;
    this.#places = new Places(parts.probes.symbols);
  }

  /** From now on these addresses and devices of the namespace, and no others. */
  expect(netns: number, expected: Expected): void {
    const { asked, question } = this.#parts;
    if (this.refused !== undefined || !question.isOpen) return;
    try {
      this.#counting ??= new GuestCounting(asked.use());
      this.#counting.expect(netns, expected);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.close();
      this.refused = errno;
    }
  }

  /** Since the question was asked. */
  read(): readonly GuestLoss[] {
    const all = this.#counting?.readLosses() ?? [];
    this.#places.learn(all.map(({ address }) => address));
    return all
      .map(({ reason, address, ...more }) => ({
        ...more,
        ...this.#places.of(more.netns, this.#parts.programs.reasons.name(reason), address),
      }))
      .filter(isLoss);
  }

  /** What tc takes is counted, or cannot be here: not before a filter was found that may take something. */
  get knowsTaken(): boolean {
    return this.refused !== undefined || (this.#counting?.knowsTaken ?? false);
  }

  /** What tc took; undefined: it is not counted. */
  readTaken(): readonly TakenPackets[] | undefined {
    const all = this.#counting?.readTaken();
    if (!all) return undefined;
    this.#names.learn(all.map(({ address }) => address));
    return all.flatMap(({ address, ...more }) => {
      const hook = HOOKS.find(([functions]) => functions.test(this.#names.at(address)))?.[1];
      return hook ? [{ ...more, hook }] : [];
    });
  }

  /** Frames that devices with an XDP program passed on, by namespace and ifindex. */
  readPassed(): ReturnType<GuestCounting['readPassed']> {
    return this.#counting?.readPassed() ?? [];
  }

  close(): void {
    this.#counting?.close();
    this.#counting = undefined;
    this.refused = undefined;
  }
}
