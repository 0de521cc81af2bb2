// SPDX-License-Identifier: Apache-2.0
// Devices and queues as the walk and the rows show them, with each device's books.
import { isRealtime, vhostDriver } from '../kernel/host.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { Probes } from '../probes/attach.ts';
import { LABELLED_LOCATIONS } from '../probes/locations.ts';
import type { LoadedPrograms } from '../probes/programs.ts';
import { OtherDrops } from '../probes/rare-drops.ts';
import type { DropReasons } from '../probes/reasons.ts';
import { Recycler } from '../probes/recycler.ts';
import { type RedirectCount, Redirects, type RedirectsRead, withFrames } from '../probes/redirects.ts';
import { Rows, type RowsRead } from '../probes/rows.ts';
import { type WalkedDevice, Walker } from '../probes/walk.ts';
import type { Device, LostEvents, OtherDrop } from '../snapshot.ts';
import { deviceOf } from './devices.ts';
import { type Books, Ledger } from './ledger.ts';
import { MacvtapCollector } from './macvtaps.ts';
import { NO_OWNERS, OwnerIterator, readOwnersFromProc } from './owners.ts';
import type { Regime } from './queue-books.ts';
import { isWritten, ReceiveCollector } from './receive.ts';

const OWNERS_AGE_MS = 10_000;

/** `freed` runs for every freed packet of the host: what it missed was mostly nobody's of ours, and the audit sees the rest. The others watch the way from the guest. */
const BESIDE_THE_BOOKS = ['freed', 'refused', 'batches'];
/** Variables lost_… of the BPF object. */
const LOST = ['no_row', 'ending_device', 'reason', 'before', 'no_device', 'receive', 'redirect', 'macvtap'];

export class QueueCollector {
  readonly #probes: Probes;
  readonly #perCpu: boolean;
  #vhost = false;
  readonly #realtime = isRealtime();
  readonly #reasons: DropReasons;
  readonly #walker: Walker;
  readonly #rows: Rows;
  readonly #recycler: Recycler;
  readonly #otherDrops: OtherDrops;
  readonly #receive: ReceiveCollector;
  readonly #redirects: Redirects;
  #redirected: RedirectsRead = new Map();
  readonly #macvtaps: MacvtapCollector;
  readonly #globals: Globals;
  readonly #ownerIterator: OwnerIterator | undefined;
  readonly #ledgers = new Map<bigint, Ledger>();
  #owners = NO_OWNERS;
  #files = '';
  #ownedFiles = '';
  #ownersReadMs = 0;
  /** A complete walk has been: a device that appears now was made under watch. */
  #sawAll = false;
  #used = 0;
  #lost: readonly string[] = [];

  constructor(probes: Probes, programs: LoadedPrograms, perCpu: boolean) {
    const { object, reasons } = programs;
    this.#probes = probes;
    this.#perCpu = perCpu;
    this.#reasons = reasons;
    this.#walker = new Walker(object);
    this.#rows = new Rows(object);
    this.#recycler = new Recycler(object);
    this.#otherDrops = new OtherDrops(object);
    this.#receive = new ReceiveCollector(probes, object);
    this.#redirects = new Redirects(object);
    this.#macvtaps = new MacvtapCollector(probes, programs);
    this.#globals = new Globals(object);
    if (probes.mechanism('owners') === 'iterator') this.#ownerIterator = new OwnerIterator(object);
  }

  collect(): { readonly devices: readonly Device[]; readonly complete: boolean } {
    if (this.#probes.mechanism('transmit') === 'arithmetic') this.#probes.programs?.settle();
    const rows = this.#rows.read(this.#perCpu);
    this.#redirected = this.#redirects.read();
    const before = withFrames(rows, this.#redirected);
    const walk = this.#walker.walk();
    const after = withFrames(this.#rows.read(false), this.#redirects.read());
    const others = this.#readOtherDrops();
    this.#receive.read();
    this.#lost = this.#ownLosses();
    this.#vhost = vhostDriver() !== undefined;
    const devices = walk.devices.map((walked) => this.#device(walked, before, after, others.get(walked.id) ?? []));
    this.#files = walk.devices.flatMap(({ queues }) => queues.map(({ tunFile }) => tunFile)).join();
    this.#used = before.used;
    const macvtaps = this.#macvtaps.collect(others);
    const complete = walk.complete && macvtaps.complete;
    if (complete) this.#recycle([...walk.devices.map(({ id }) => id), ...macvtaps.ids], before, others);
    this.#sawAll ||= complete;
    return { devices: [...devices, ...macvtaps.devices], complete };
  }

  pool(): { readonly used: number; readonly capacity: number } {
    return { used: this.#used, capacity: this.#rows.capacity };
  }

  eventsLost(): readonly LostEvents[] {
    return LOST.map((cause) => ({ cause, events: this.#globals.u64(`lost_${cause}`) }));
  }

  /** Looks for owners again when the set of queues has changed. */
  async refreshOwners(): Promise<void> {
    // A descriptor may change hands without any queue changing: libvirt opens what QEMU then holds.
    const fresh = this.#files === this.#ownedFiles && performance.now() - this.#ownersReadMs < OWNERS_AGE_MS;
    if (fresh) return;
    this.#ownedFiles = this.#files;
    this.#ownersReadMs = performance.now();
    if (this.#ownerIterator) this.#owners = this.#ownerIterator.read();
    else if (this.#probes.mechanism('owners') === 'procfs') this.#owners = await readOwnersFromProc();
  }

  #device(walked: WalkedDevice, before: RowsRead, after: RowsRead, freed: readonly OtherDrop[]): Device {
    const otherDropped = freed.filter((drop) => !isWritten(drop));
    const transmit = this.#probes.mechanism('transmit');
    const counting = transmit !== undefined;
    const freedMeasured = this.#probes.mechanism('freed') !== undefined;
    const sums = before.devices.get(walked.id) ?? new Map();
    return deviceOf(walked, {
      sums: counting ? sums : undefined,
      books: counting && freedMeasured ? this.#keepBooks(walked, before, after, otherDropped) : undefined,
      reasons: this.#reasons,
      otherDropped: this.#beforeCounted() ? otherDropped : undefined,
      receive: this.#receive.ofDevice(walked, freed),
      batches: this.#receive.batchesOf(walked),
      redirected: this.#redirected.get(walked.id) ?? [],
      owners: this.#owners,
      freedMeasured,
      counted: counting && transmit !== 'arithmetic',
      consumedCounted: counting && this.#probes.mechanism('consumed') === 'fentry',
    });
  }

  #keepBooks(walked: WalkedDevice, before: RowsRead, after: RowsRead, otherDropped: readonly OtherDrop[]): Books {
    const ledger = this.#ledgers.get(walked.id) ?? new Ledger(this.#sawAll);
    this.#ledgers.set(walked.id, ledger);
    const books = ledger.update(
      {
        before: before.devices.get(walked.id) ?? new Map(),
        after: after.devices.get(walked.id) ?? new Map(),
        walked: withoutFrames(walked, this.#redirected.get(walked.id) ?? []),
        otherDropped: this.#beforeCounted()
          ? otherDropped.reduce((sum, { packets }) => sum + packets, 0)
          : Number.POSITIVE_INFINITY,
        vhost: this.#vhost,
      },
      this.#regime(),
    );
    return { ...books, degraded: [...books.degraded, ...this.#lost] };
  }

  #beforeCounted(): boolean {
    return this.#probes.mechanism('before') !== undefined;
  }

  #regime(): Regime {
    const taken = this.#probes.mechanism('consumed');
    return {
      enqueued: this.#probes.mechanism('transmit') === 'arithmetic' ? 'derived' : 'counted',
      taken: taken === 'fentry' ? 'counted' : taken === 'arithmetic' ? 'derived' : 'device',
    };
  }

  /** What the probes themselves missed may have been any queue's. */
  #ownLosses(): readonly string[] {
    const rowless = this.#globals.u64('lost_no_row');
    const counting = this.#probes.states().filter(({ event }) => !BESIDE_THE_BOOKS.includes(event));
    const missed = counting.reduce((sum, state) => sum + state.missed, 0);
    return [
      ...(this.#realtime ? ['this is a PREEMPT_RT kernel: a packet that preempts another on its CPU may hide it'] : []),
      ...(rowless > 0 ? [`${rowless} packets of some queues found no free row of counters`] : []),
      ...(missed > 0 ? [`the kernel skipped ${missed} runs of our probes`] : []),
    ];
  }

  #readOtherDrops(): ReadonlyMap<bigint, readonly OtherDrop[]> {
    const devices = new Map<bigint, OtherDrop[]>();
    for (const { deviceId, location, reason, packets } of this.#otherDrops.read()) {
      const name = this.#probes.symbols()?.functionAt(location) ?? 'other';
      const drop = {
        reason: this.#reasons.name(reason),
        location: LABELLED_LOCATIONS.has(name) ? name : 'other',
        packets,
      };
      devices.set(deviceId, addTo(devices.get(deviceId) ?? [], drop));
    }
    return devices;
  }

  #recycle(ids: readonly bigint[], { rowNumbers }: RowsRead, others: ReadonlyMap<bigint, unknown>): void {
    const present = new Set(ids);
    const rowless = [...others.keys(), ...this.#ledgers.keys(), ...this.#receive.devices(), ...this.#redirected.keys()];
    const known = new Map<bigint, readonly number[]>(rowless.map((id) => [id, []]));
    for (const [id, numbers] of rowNumbers) known.set(id, numbers);
    const gone = this.#recycler.update(known, present, performance.now(), (rows) => {
      if (rows.size > 0) this.#rows.released(rows);
    });
    for (const id of gone) this.#ledgers.delete(id);
    if (gone.size === 0) return;
    this.#otherDrops.remove(gone);
    this.#receive.remove(gone);
    this.#redirects.remove(gone);
    this.#macvtaps.remove(gone);
  }
}

/** Of the kernel's tx_dropped, what it counts for frames: the books hold the rest against drops of packets. */
function withoutFrames(walked: WalkedDevice, redirected: readonly RedirectCount[]): WalkedDevice {
  const frames = redirected.reduce((sum, { shortCalls }) => sum + shortCalls, 0);
  return { ...walked, counters: { ...walked.counters, txDropped: walked.counters.txDropped - frames } };
}

/** Several call sites of one function are one location. */
function addTo(drops: OtherDrop[], drop: OtherDrop): OtherDrop[] {
  const known = drops.findIndex(({ reason, location }) => reason === drop.reason && location === drop.location);
  const same = drops[known];
  if (!same) return [...drops, drop];
  return drops.with(known, { ...same, packets: same.packets + drop.packets });
}

/** Variables of the BPF object's .bss by name. */
class Globals {
  readonly #view: MapView;
  readonly #offsets: ReadonlyMap<string, number>;

  constructor(object: BpfObject) {
    this.#view = object.mapView('.bss');
    this.#offsets = new Map(
      object
        .btf()
        .variables('.bss')
        .map(({ name, offset }) => [name, offset]),
    );
  }

  u64(name: string): number {
    return this.#view.u64(this.#offsets.get(name) ?? 0);
  }
}
