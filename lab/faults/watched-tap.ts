// SPDX-License-Identifier: Apache-2.0
// A real tap whose truth is known to the packet: what its sender sent, what its reader read, and what an agent's page shows of it.
import type { Metrics } from '../../test/agent/serve-process.ts';
import type { NamespaceLab } from '../../test/host/netns.ts';
import type { SendCounts, TestReader } from '../../test/test-reader/test-reader.ts';

/** Packets. */
export interface Figures {
  readonly offered: number;
  readonly delivered: number;
  /** All that the page has as lost: dropped, purged, resized, failed, overflowed. */
  readonly lost: number;
}

const LOSSES = ['dropped', 'purged', 'resized', 'failed', 'overflowed'];
const FRAME = 60;
const RATE = 5000;

export class WatchedTap {
  name: string;
  lab: NamespaceLab;
  readonly id: string;
  /** The names by which the reader knows the queues. */
  readonly #queues: readonly string[];
  #sender: TestReader;
  #reader: TestReader;
  #sent = 0;
  #read = 0;
  #isLoaded = false;

  private constructor(
    lab: NamespaceLab,
    name: string,
    [sender, reader]: readonly [TestReader, TestReader],
    queues: readonly string[],
  ) {
    this.lab = lab;
    this.name = name;
    this.id = name;
    this.#sender = sender;
    this.#reader = reader;
    this.#queues = queues;
  }

  /** Makes a tap that is up, with a ring of `ring` packets and queues that `reader` holds. */
  static async make(
    lab: NamespaceLab,
    name: string,
    ring: number,
    testReaders: readonly [TestReader, TestReader],
    queues: readonly string[] = [name],
  ): Promise<WatchedTap> {
    for (const id of queues)
      await testReaders[1].open(id, name, 'tap', ...(queues.length > 1 ? (['mq'] as const) : []));
    return WatchedTap.adopt(lab, name, ring, testReaders, queues);
  }

  /** Watches a tap that its reader holds already. */
  static async adopt(
    lab: NamespaceLab,
    name: string,
    ring: number,
    testReaders: readonly [TestReader, TestReader],
    queues: readonly string[] = [name],
  ): Promise<WatchedTap> {
    await lab.ip(`link set dev ${name} up txqueuelen ${ring}`);
    await testReaders[0].running(name);
    return new WatchedTap(lab, name, testReaders, queues);
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** More than the ring holds is lost there. */
  async burst(packets: number): Promise<void> {
    this.#sent += handed(await this.#sender.packet(this.name, packets, FRAME));
  }

  async drain(): Promise<void> {
    for (const id of this.#queues) this.#read += (await this.#reader.read(id, 'all')).packets;
  }

  async readSome(packets: number): Promise<void> {
    this.#read += (await this.#reader.read(this.id, packets)).packets;
  }

  /** Sends and reads in the background. */
  async load(perSecond = RATE): Promise<void> {
    this.#isLoaded = true;
    for (const id of this.#queues) await this.#reader.readLoop(id, 0);
    await this.#sender.stream(this.id, this.name, perSecond, FRAME);
  }

  /** Reads what is left in the ring. */
  async unload(): Promise<void> {
    if (!this.#isLoaded) return;
    this.#isLoaded = false;
    this.#sent += handed(await this.#sender.unstream(this.id));
    for (const id of this.#queues) this.#read += (await this.#reader.stop(id)).packets;
    await this.drain();
  }

  /** Detaches that queue during `work`; under load its reader is stopped meanwhile. */
  async withoutQueue(index: number, work: () => Promise<unknown>): Promise<void> {
    const id = this.#queues[index] ?? this.id;
    if (this.#isLoaded) this.#read += (await this.#reader.stop(id)).packets;
    await this.#reader.detach(id);
    await work();
    await this.#reader.attach(id);
    if (this.#isLoaded) await this.#reader.readLoop(id, 0);
  }

  /** The tap now has another holder, and what it read counts as read. */
  handOver(sender: TestReader, reader: TestReader): void {
    this.#sender = sender;
    this.#reader = reader;
  }

  async close(): Promise<void> {
    for (const id of this.#queues) await this.#reader.close(id);
  }

  /** The true figures; only at rest, with an empty ring. */
  truth(): Figures {
    return { offered: this.#sent, delivered: this.#read, lost: this.#sent - this.#read };
  }

  /** undefined: the page does not have the tap. */
  shown(page: Metrics): Figures | undefined {
    const labels = { netns: String(this.lab.inode), device: this.name };
    const sum = (what: string): number | undefined => {
      const values = Object.values(page.by('device', `tapscope_queue_${what}_packets_total`, labels));
      return values[0];
    };
    const [offered, delivered] = [sum('offered'), sum('delivered')];
    if (offered === undefined || delivered === undefined) return undefined;
    // While a device goes down, or its queue length changes, its qdisc drops what comes: it was sent, and never offered to the tap.
    const [before = 0] = Object.values(page.by('device', 'tapscope_device_other_dropped_packets_total', labels));
    return {
      offered: offered + before,
      delivered,
      lost: before + LOSSES.reduce((total, what) => total + (sum(what) ?? 0), 0),
    };
  }

  /** Whether the agent says itself that figures of the tap are not exact. */
  isMarked(page: Metrics): boolean {
    const labels = { netns: String(this.lab.inode), device: this.name };
    const marks = ['device', 'queue'].map(
      (what) => page.by('device', `tapscope_${what}_degraded`, labels)[this.name] ?? 0,
    );
    return marks.some((mark) => mark > 0);
  }
}

/** Packets handed to the kernel. Some meet a queue length that changes: the qdisc drops them, and the sender gets ENOBUFS. */
function handed({ sent, errors }: SendCounts): number {
  return sent + (errors.ENOBUFS ?? 0);
}

/** The largest difference between two sets of figures, in packets. */
export function distance(one: Figures, other: Figures): number {
  return Math.max(
    Math.abs(one.offered - other.offered),
    Math.abs(one.delivered - other.delivered),
    Math.abs(one.lost - other.lost),
  );
}

export function since(base: Figures, now: Figures): Figures {
  return {
    offered: now.offered - base.offered,
    delivered: now.delivered - base.delivered,
    lost: now.lost - base.lost,
  };
}
