// SPDX-License-Identifier: Apache-2.0
// The process that holds each queue, by an iterator over all descriptors or from /proc where BPF is refused, and its identity.
import { isDeepStrictEqual } from 'node:util';
import type { Probes } from '../engine/attach.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import { cString } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import { ticksOf, unixTimeOf } from '../kernel/process-text.ts';
import { listTunHolders } from '../kernel/tun-holders.ts';
import type { Identity, Owner } from '../snapshot/owner.ts';
import { Identities, type Observed } from './identities.ts';
import { type LossyDevice, ReaderThreads } from './reader-threads.ts';
import type { Tenants } from './tenants.ts';
import { hasVcpus, VcpuWatch } from './virtual-cpus.ts';

interface Holder extends Observed {
  readonly comm: string;
  readonly startedAt: number | undefined;
}

const FIELDS = ['tun_file', 'file', 'pid', 'comm', 'started', 'stack', 'cgroups'] as const;
const WORDS = ['tun_file', 'file', 'started', 'stack', 'cgroups'] as const satisfies readonly (typeof FIELDS)[number][];
const COMM_BYTES = 16;
/** A descriptor may change hands without any queue changing: libvirt opens what QEMU then holds. */
const AGE_MS = 10_000;

/** The longest wait for names on a busy host. A command that looks once needs the names of what it sees first. */
const NAMED_WITHIN_MS = 1000;

/** Processes that hold no queue, whose names are asked for in one turn. */
const MOST_ASKED = 64;

/** Addresses behind a descriptor. When one is closed and another opened, both are often the same again. */
interface Opened {
  readonly tunFile: bigint;
  readonly file: bigint;
}

/**
 * A queue's descriptor. A device's id is never used twice; of a tun or tap each descriptor that came or went beside another one is counted
 * (undefined: by no sysfs), and the carrier counts those that came when none was there. macvtap touches neither.
 */
export interface Held extends Opened {
  readonly deviceId: bigint;
  readonly carrierUps: number;
  readonly queueChanges: number | undefined;
  /** Packets do, in its ring. */
  readonly waits: boolean;
  /** Packets that its device dropped since it was made. */
  readonly txDropped: number;
  /** All of it but `waits` and `txDropped`, and of that what the descriptor leads to. */
  readonly key: string;
  readonly opened: string;
}

/** Owners of queues, as far as they were found; unknown ones stay unknown. */
export class Owners {
  readonly #identities: Identities;
  readonly #vcpus = new VcpuWatch();
  readonly #readers = new ReaderThreads();
  /** The list that was gone through last. */
  #lastQueues: readonly Held[] = [];
  /** Processes asked for since the last refresh. */
  readonly #asked = new Map<number, Observed>();
  readonly #read: () => Promise<ReadonlyMap<string, Holder | undefined>>;
  readonly #byFile: boolean;
  #holders: ReadonlyMap<string, Holder | undefined> = new Map();
  #lastRead: ReadonlyMap<string, Holder | undefined> | undefined;
  /** One for each process. */
  #processes: readonly Holder[] = [];
  /** The queues that were there when holders were read, as text. */
  #known: ReadonlySet<string> = new Set();
  readonly #made = new WeakMap<Holder, Owner>();
  /** The owners of each walked device, in the order of its queues, and the round in which they were looked up. */
  readonly #ofDevices = new WeakMap<WalkedDevice, { readonly owners: readonly (Owner | undefined)[]; round: number }>();
  #changes = 0;
  /** Queues for which there was nothing to look for. */
  #allKnown: readonly Held[] | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading = false;
  #failed: { readonly error: unknown } | undefined;

  constructor({ can }: Pick<Probes, 'can'>, tenants?: Tenants, object?: BpfObject) {
    this.#identities = new Identities(tenants);
    const iterator = can('holders') && object ? new HolderIterator(object) : undefined;
    this.#byFile = iterator !== undefined;
    this.#read = async () => iterator?.read() ?? (can('holders-by-device') ? readFromProc() : new Map());
  }

  /** The same object as long as nothing else is known. */
  ofQueue(netns: number, device: string, held?: Held): Owner | undefined {
    // Opened since holders were read: it may be another's now.
    if (held ? !this.#known.has(held.key) : this.#byFile) return undefined;
    const holder = this.#holders.get(this.#byFile && held ? held.opened : `${netns} ${device}`);
    if (!holder) return undefined;
    const { pid, comm, startedAt } = holder;
    const [monitor, vcpus, uses] = [this.#identities.monitorOf(holder), this.#vcpus.of(pid), this.#readers.of(pid)];
    const identity = this.#identities.of(holder);
    const made = this.#made.get(holder);
    const isMade = made?.identity === identity && made?.monitor === monitor;
    if (made && isMade && made.vcpus === vcpus && made.uses === uses) return made;
    const owner = {
      ...{ pid, comm, startedAt, identity },
      ...(monitor && { monitor }),
      ...(vcpus && { vcpus }),
      ...(uses && { uses }),
    };
    this.#made.set(holder, owner);
    return owner;
  }

  /** The owner of each walked queue, in the order of the queues: the same list while none changes. */
  ofDevice(device: WalkedDevice): readonly (Owner | undefined)[] {
    const known = this.#ofDevices.get(device);
    const round = this.#changes + this.#identities.version + this.#vcpus.version + this.#readers.version;
    if (known?.round === round) return known.owners;
    const found = heldOfDevice(device).map((held) => this.ofQueue(device.netns, device.name, held));
    const owners = known?.owners.every((owner, place) => owner === found[place]) ? known.owners : found;
    this.#ofDevices.set(device, { owners, round });
    return owners;
  }

  /** The identity of a process that holds no queue, looked up with the next refresh. `started`: ns since boot. */
  identityOf(pid: number, started: bigint): Identity | undefined {
    const observed = { pid, startedTicks: ticksOf(started) };
    if (this.#asked.size < MOST_ASKED) this.#asked.set(pid, observed);
    return this.#identities.of(observed);
  }

  /** Looks for them again when the set of queues has changed or one has no owner, and now and then; not for a scrape. True: it did. */
  async refresh(queues: readonly Held[]): Promise<boolean> {
    const stale = this.#isNew(queues) || performance.now() - this.#readMs > AGE_MS;
    const read = stale && !this.#reading;
    if (read) await this.#readAgain(queues.map(({ key }) => key));
    // Not awaited to its end, which may come when another process lets its locks go.
    const identities = this.#identities.refresh([...this.#asked.values(), ...this.#processes]);
    this.#asked.clear();
    await doneWithin(NAMED_WITHIN_MS, identities);
    // The threads of a large VM take some milliseconds to read.
    this.#later(this.#vcpus.refresh(this.#machines(queues.filter(({ waits }) => waits))));
    // On a host at rest it is the same list, and no device has lost more.
    if (queues !== this.#lastQueues || this.#readers.isWatching)
      this.#later(this.#readers.refresh(this.#heldDevices(queues)));
    this.#lastQueues = queues;
    this.#throwFailed();
    return read;
  }

  /** Not waited for. */
  #later(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#failed = { error };
    });
  }

  /** Of what was not waited for, since the last refresh: no descriptor was left, as a rule. */
  #throwFailed(): void {
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed) throw failed.error;
  }

  /** One was not there, or had no owner, when holders were read. */
  #isNew(queues: readonly Held[]): boolean {
    if (queues === this.#allKnown) return false;
    const changed = queues.length !== this.#known.size || queues.some(({ key }) => !this.#known.has(key));
    // A descriptor that is on its way from one process to another has no holder for a moment.
    const unowned = this.#byFile && queues.some((queue) => queue.tunFile !== 0n && !this.#holders.has(queue.opened));
    if (!changed && !unowned) this.#allKnown = queues;
    return changed || unowned;
  }

  /** Processes that hold these queues. */
  #machines(queues: readonly Held[]): readonly { readonly pid: number; readonly program: string }[] {
    const machines = queues.flatMap((queue) => {
      const holder = this.#holders.get(queue.opened);
      const program = holder && this.#identities.of(holder)?.program;
      return holder && program && hasVcpus(program) ? [{ pid: holder.pid, program }] : [];
    });
    return [...new Map(machines.map((machine) => [machine.pid, machine])).values()];
  }

  #heldDevices(queues: readonly Held[]): readonly LossyDevice[] {
    return queues.flatMap(({ opened, deviceId, txDropped }) => {
      const pid = this.#holders.get(opened)?.pid;
      return pid === undefined ? [] : [{ pid, deviceId, txDropped }];
    });
  }

  /** A look through /proc may take seconds; until it ends, no new owner is known. */
  async #readAgain(keys: readonly string[]): Promise<void> {
    this.#reading = true;
    try {
      this.#readMs = performance.now();
      const read = await this.#read();
      this.#allKnown = undefined;
      const isSame = keys.length === this.#known.size && keys.every((key) => this.#known.has(key));
      if (isSame && read === this.#lastRead) return;
      this.#known = new Set(keys);
      this.#changes += 1;
      this.#lastRead = read;
      this.#holders = withKnown(read, this.#holders);
      const holders = [...this.#holders.values()].flatMap((holder) => holder ?? []);
      this.#processes = [...new Map(holders.map((holder) => [holder.pid, holder])).values()];
    } finally {
      this.#reading = false;
    }
  }
}

/** Each second: an aborted timer of node:timers/promises makes an error with its stack. */
async function doneWithin(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms).unref();
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Walked devices and lists of them are never written again. */
const heldIn = new WeakMap<WalkedDevice | readonly WalkedDevice[], readonly Held[]>();

/** The held queues of devices that were walked. */
function heldOf(devices: readonly WalkedDevice[]): readonly Held[] {
  const known = heldIn.get(devices);
  if (known) return known;
  const held = devices.flatMap(heldOfDevice);
  heldIn.set(devices, held);
  return held;
}

/** Those of several walks: the same list while no device changes, where all are of one. */
export function heldByAll(walks: readonly (readonly WalkedDevice[])[]): readonly Held[] {
  const [only = [], ...others] = walks.map(heldOf).filter((held) => held.length > 0);
  return others.length === 0 ? only : [...only, ...others.flat()];
}

/** The held queues of one device, in the order of its queues. */
function heldOfDevice(device: WalkedDevice): readonly Held[] {
  const known = heldIn.get(device);
  if (known) return known;
  const held = device.queues.map((queue) => heldBy(device, queue));
  heldIn.set(device, held);
  return held;
}

function heldBy(
  { id, carrierUps, queueChanges, counters: { txDropped } }: WalkedDevice,
  { tunFile, file, occupancy = 0 }: Opened & { readonly occupancy?: number },
): Held {
  const opened = openedOf({ tunFile, file });
  const key = `${id} ${carrierUps} ${queueChanges} ${opened}`;
  return { deviceId: id, carrierUps, queueChanges, tunFile, file, waits: occupancy > 0, txDropped, key, opened };
}

/** Each once. */
export function together(some: readonly Held[], others: readonly Held[]): readonly Held[] {
  return [...new Map([...some, ...others].map((held) => [held.key, held])).values()];
}

function openedOf({ tunFile, file }: Opened): string {
  return `${tunFile} ${file}`;
}

/** A holder stays the same object while nothing about it changes. */
function withKnown(
  read: ReadonlyMap<string, Holder | undefined>,
  known: ReadonlyMap<string, Holder | undefined>,
): ReadonlyMap<string, Holder | undefined> {
  return new Map(
    [...read].map(([key, holder]) => {
      const before = known.get(key);
      return [key, isDeepStrictEqual(before, holder) ? before : holder];
    }),
  );
}

/** Costs some milliseconds on a large host. */
class HolderIterator {
  readonly #object: BpfObject;
  readonly #layout: Layout<(typeof FIELDS)[number]>;
  #bytes: Uint8Array | undefined;
  #holders: ReadonlyMap<string, Holder> = new Map();

  constructor(object: BpfObject) {
    this.#object = object;
    this.#layout = layoutOf(object.btf(), 'queue_owner', FIELDS);
  }

  /** Holders by the key of what is open: the same object while nothing changes. */
  read(): ReadonlyMap<string, Holder> {
    const bytes = this.#object.iterate('queue_owners');
    if (this.#bytes && Buffer.compare(bytes, this.#bytes) === 0) return this.#holders;
    this.#bytes = bytes;
    this.#holders = this.#holdersIn(bytes);
    return this.#holders;
  }

  #holdersIn(bytes: Uint8Array): ReadonlyMap<string, Holder> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { at, size } = this.#layout;
    const holders = new Map<string, Holder>();
    for (let base = 0; base + size <= bytes.length; base += size) {
      const word = (field: (typeof WORDS)[number]): bigint => view.getBigUint64(base + at[field], true);
      const opened = openedOf({ tunFile: word('tun_file'), file: word('file') });
      const pid = view.getUint32(base + at.pid, true);
      const known = holders.get(opened);
      const startedTicks = ticksOf(word('started'));
      // A descriptor that was inherited or passed on has several holders: the oldest process is the one that made it.
      if (known && isOlder(known, { pid, startedTicks })) continue;
      const comm = cString(bytes.subarray(base + at.comm, base + at.comm + COMM_BYTES));
      holders.set(opened, {
        pid,
        comm,
        startedTicks,
        sameAs: `${word('stack')} ${word('cgroups')} ${comm}`,
        startedAt: unixTimeOf(startedTicks),
      });
    }
    return holders;
  }
}

/** Numbers of processes begin anew some time; of two that started in one tick the lower is the older, mostly. */
function isOlder(one: Holder, other: { readonly pid: number; readonly startedTicks: number }): boolean {
  const { startedTicks = 0 } = one;
  return startedTicks === other.startedTicks ? one.pid <= other.pid : startedTicks < other.startedTicks;
}

/** Holders by namespace and device: /proc does not tell a descriptor's queue. If there are several, none is named. */
async function readFromProc(): Promise<ReadonlyMap<string, Holder | undefined>> {
  const holders = new Map<string, Holder | undefined>();
  for (const { netns, device, pid, comm } of await listTunHolders()) {
    const key = `${netns} ${device}`;
    holders.set(key, holders.has(key) ? undefined : { pid, comm, startedTicks: undefined, startedAt: undefined });
  }
  return holders;
}
