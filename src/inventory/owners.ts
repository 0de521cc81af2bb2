// SPDX-License-Identifier: Apache-2.0
// Which process holds each queue, by an iterator over all descriptors or from /proc where BPF is refused, and whose it is.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { listTunHolders } from '../kernel/tun-holders.ts';
import type { Owner } from '../snapshot.ts';
import { Identities, type Observed } from './identities.ts';

interface Holder extends Observed {
  readonly comm: string;
}

const FIELDS = ['tun_file', 'pid', 'comm', 'started'] as const;
const COMM_BYTES = 16;
const NANOSECONDS_PER_TICK = 10_000_000n; // USER_HZ is 100
/** A descriptor may change hands without any queue changing: libvirt opens what QEMU then holds. */
const AGE_MS = 10_000;

/** Owners of queues, as far as they were found; unknown ones stay unknown. */
export class Owners {
  readonly #identities = new Identities();
  readonly #read: () => Promise<ReadonlyMap<string, Holder | undefined>>;
  readonly #byFile: boolean;
  #holders: ReadonlyMap<string, Holder | undefined> = new Map();
  #files = '';
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(mechanism: string | undefined, object?: BpfObject) {
    const iterator = mechanism === 'iterator' && object ? new HolderIterator(object) : undefined;
    this.#byFile = iterator !== undefined;
    this.#read = async () => iterator?.read() ?? (mechanism === 'procfs' ? readFromProc() : new Map());
  }

  ofQueue(netns: number, device: string, tunFile: bigint): Owner | undefined {
    const holder = this.#holders.get(this.#byFile ? String(tunFile) : `${netns} ${device}`);
    return holder && { pid: holder.pid, comm: holder.comm, identity: this.#identities.of(holder) };
  }

  /** Looks for them again when the set of queues has changed or one has no owner, and now and then; not for a scrape. True: it did. */
  async refresh(files: readonly bigint[]): Promise<boolean> {
    const names = files.join();
    // A descriptor that is on its way from one process to another is nobody's for a moment.
    const unowned = this.#byFile && files.some((file) => file !== 0n && !this.#holders.has(String(file)));
    const stale = names !== this.#files || unowned || performance.now() - this.#readMs > AGE_MS;
    if (stale) {
      this.#files = names;
      this.#readMs = performance.now();
      this.#holders = await this.#read();
    }
    // Not awaited: it may take as long as somebody else's locks are held.
    void this.#identities.refresh([...this.#holders.values()].flatMap((holder) => holder ?? []));
    return stale;
  }
}

/** Costs some milliseconds on a large host. */
class HolderIterator {
  readonly #object: BpfObject;
  readonly #layout: Layout<(typeof FIELDS)[number]>;

  constructor(object: BpfObject) {
    this.#object = object;
    this.#layout = layoutOf(object.btf(), 'queue_owner', FIELDS);
  }

  /** By address of the tun_file. */
  read(): ReadonlyMap<string, Holder> {
    const bytes = this.#object.iterate('queue_owners');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { at, size } = this.#layout;
    const holders = new Map<string, Holder>();
    for (let base = 0; base + size <= bytes.length; base += size) {
      const tunFile = String(view.getBigUint64(base + at.tun_file, true));
      const pid = view.getUint32(base + at.pid, true);
      const known = holders.get(tunFile);
      // A descriptor that was inherited or passed on has several holders: the oldest process is the one that made it.
      if (known && known.pid <= pid) continue;
      const startedTicks = Number(view.getBigUint64(base + at.started, true) / NANOSECONDS_PER_TICK);
      holders.set(tunFile, { pid, comm: text(bytes, base + at.comm), startedTicks });
    }
    return holders;
  }
}

/** By namespace and device, for /proc tells the device of a descriptor and not its queue; with several holders none is named. */
async function readFromProc(): Promise<ReadonlyMap<string, Holder | undefined>> {
  const holders = new Map<string, Holder | undefined>();
  for (const { netns, device, pid, comm } of await listTunHolders()) {
    const key = `${netns} ${device}`;
    holders.set(key, holders.has(key) ? undefined : { pid, comm, startedTicks: undefined });
  }
  return holders;
}

function text(bytes: Uint8Array, from: number): string {
  const field = bytes.subarray(from, from + COMM_BYTES);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
