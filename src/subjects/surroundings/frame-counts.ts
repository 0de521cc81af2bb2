// SPDX-License-Identifier: Apache-2.0
// Frames that came to bridges since they were counted before: the ports of the bridges that have a device of ours, and these bridges.
import type { Parts } from '../../engine/subject.ts';
import { errnoOf } from '../../kernel/error-name.ts';
import { type BridgeFrames, framesOf, type SeenFrames, type WatchedPort } from './bridge-frames.ts';
import type { NamespaceTables } from './read-namespace.ts';

/** An address from which nothing came for so long may be another guest's now. */
const SENT_LATELY_MS = 10_000;

export class FrameCounts {
  readonly #asked: Parts['asked'];
  #frames: BridgeFrames | undefined;
  /** Why the kernel refuses to count. */
  refused: string | undefined;
  /** Packets of each count at the last look, and when there were more than before. */
  readonly #counted = new Map<string, { readonly packets: number; readonly grewMs: number }>();
  /** Ports and guests of each namespace, as it was read last. */
  readonly #ports = new Map<number, readonly WatchedPort[]>();

  constructor(asked: Parts['asked']) {
    this.#asked = asked;
  }

  read(): readonly SeenFrames[] {
    if (this.refused !== undefined) return [];
    try {
      return this.#frames?.read() ?? [];
    } catch (error) {
      this.refused = errnoOf(error) ?? 'refused';
      return [];
    }
  }

  /** Since the namespace was looked into before; senders that sent lately. */
  sinceBefore(frames: readonly SeenFrames[]): readonly SeenFrames[] {
    return frames.flatMap((one) => {
      const before = this.#counted.get(frameKey(one));
      const packets = Math.max(0, one.packets - (before?.packets ?? 0));
      const grewMs = packets > 0 ? performance.now() : (before?.grewMs ?? 0);
      this.#counted.set(frameKey(one), { packets: one.packets, grewMs });
      return one.isSender && performance.now() - grewMs > SENT_LATELY_MS ? [] : [{ ...one, packets }];
    });
  }

  /** `own`: ifindices of our devices. */
  watch(netns: number, own: ReadonlySet<number>, tables: Pick<NamespaceTables, 'links' | 'fdb'>): void {
    this.#ports.set(netns, portsOf(netns, own, tables));
  }

  /** With the first bridge port that is watched. `guests`: addresses to which frames count. */
  attach(guests: readonly Iterable<string>[]): void {
    const ports = [...this.#ports.values()].flat();
    if (this.refused !== undefined || (ports.length === 0 && !this.#frames)) return;
    try {
      this.#frames ??= framesOf(this.#asked.use());
      this.#frames.watch(ports);
      for (const addresses of guests) this.#frames.expect(addresses);
    } catch (error) {
      this.refused = errnoOf(error) ?? 'refused';
    }
  }

  close(): void {
    this.#frames?.close();
    this.#frames = undefined;
    this.refused = undefined;
    this.#counted.clear();
    this.#ports.clear();
  }
}

function frameKey({ netns, port, address, vlan, isSender }: SeenFrames): string {
  return `${netns} ${port} ${address} ${vlan} ${isSender}`;
}

function portsOf(
  netns: number,
  own: ReadonlySet<number>,
  { links, fdb }: Pick<NamespaceTables, 'links' | 'fdb'>,
): readonly WatchedPort[] {
  return [...links.values()]
    .filter(({ ifindex, master }) => fdb.has(ifindex) || (master !== undefined && fdb.has(master)))
    .map(({ ifindex }) => ({ netns, ifindex, as: fdb.has(ifindex) ? 'bridge' : own.has(ifindex) ? 'guest' : 'port' }));
}
