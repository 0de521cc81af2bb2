// SPDX-License-Identifier: Apache-2.0
// Devices and queues as the walk and the rows show them, with each device's accounts.
import type { Accounts } from '../accounting/balance.ts';
import { DeviceAccounting } from '../accounting/device-accounting.ts';
import { FreedPackets } from '../collectors/drops/read.ts';
import { UnroutedDrops } from '../collectors/drops/unrouted.ts';
import type { EndedLog } from '../collectors/ended/totals.ts';
import { MacvtapCollector } from '../collectors/macvtap/collect.ts';
import { QueueChangeBooks } from '../collectors/queue-changes/collect.ts';
import { ReaderTimes } from '../collectors/readers/collect.ts';
import { Readers } from '../collectors/readers/read.ts';
import { isWritten, ReceiveCollector } from '../collectors/receive/collect.ts';
import { Redirects, type RedirectsRead, withFrames, withoutFrames } from '../collectors/redirect/read.ts';
import { vhostMeasured } from '../collectors/vhost/collect.ts';
import type { Probes } from '../engine/attach.ts';
import { ProbeLosses } from '../engine/probe-losses.ts';
import type { LoadedPrograms } from '../engine/programs.ts';
import type { DropReasons } from '../engine/reasons.ts';
import { Rows, type RowsRead } from '../engine/rows.ts';
import { isOngoing } from '../engine/shared-rows.ts';
import { mayBeInTxDropped } from '../engine/tx-dropped.ts';
import { type WalkedDevice, Walker } from '../engine/walk.ts';
import { type Held, heldOf, Owners, together } from '../inventory/owners.ts';
import { vhostDriver } from '../kernel/host.ts';
import type { Device, OtherDrop } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import type { LostEvents, ProbeState, UnroutedDrop } from '../snapshot/snapshot.ts';
import type { CollectorOptions } from './collector.ts';
import { attachedBy, modeOf } from './counted-by.ts';
import { Demands } from './demands.ts';
import { deviceOf } from './devices.ts';
import { Endings, type Look } from './endings.ts';
import { SettledDevices } from './settled-devices.ts';

/** Rows around the walk, and when the first of them began to be read. */
interface Read {
  readonly before: RowsRead;
  readonly after: RowsRead;
  readonly nowNs: number;
  /** Packets that belong to no row, by device. */
  readonly freed: ReadonlyMap<bigint, readonly OtherDrop[]>;
}

/** What belongs to the walk of one device. */
interface Around {
  readonly before: RowsRead;
  readonly after: RowsRead;
  readonly otherDropped: readonly OtherDrop[];
  readonly queuesChanged: boolean;
}

export class QueueCollector {
  readonly #probes: Probes;
  readonly #perCpu: boolean;
  #vhost = false;
  readonly #reasons: DropReasons;
  readonly #walker: Walker;
  readonly #rows: Rows;
  readonly #endings: Endings;
  readonly #demands: Demands;
  readonly #freed: FreedPackets;
  readonly #unrouted: UnroutedDrops;
  readonly #receive: ReceiveCollector;
  readonly #redirects: Redirects;
  #redirected: RedirectsRead = new Map();
  readonly #macvtaps: MacvtapCollector;
  readonly #losses: ProbeLosses;
  readonly #readers: Readers | undefined; // undefined: nothing looks at readers
  readonly #readerTimes: ReaderTimes | undefined;
  readonly #owners: Owners;
  readonly #accounting = new Map<bigint, DeviceAccounting>();
  readonly #queueChanges = new QueueChangeBooks();
  readonly #settled = new SettledDevices();
  #held: readonly Held[] = [];
  /** The mechanism by which vhost-net's queues were last found. */
  #guestsBy: string | undefined;
  /** A complete walk has been: a device that appears now was made under watch. */
  #sawAll = false;
  #used = 0;
  #lost: readonly string[] = [];
  #states: readonly ProbeState[] = [];

  constructor(
    probes: Probes,
    programs: LoadedPrograms,
    { perCpu, tenants }: Pick<CollectorOptions, 'perCpu' | 'tenants'>,
    ended: EndedLog,
  ) {
    const { object, reasons } = programs;
    this.#probes = probes;
    this.#perCpu = perCpu;
    this.#reasons = reasons;
    this.#walker = new Walker(object);
    this.#rows = new Rows(object, () => probes.can('entries'));
    this.#demands = new Demands(probes, object);
    this.#freed = new FreedPackets(probes, programs);
    this.#unrouted = new UnroutedDrops(probes, programs);
    this.#receive = new ReceiveCollector(probes, object);
    this.#redirects = new Redirects(object);
    this.#losses = new ProbeLosses(programs);
    this.#owners = new Owners(probes, tenants, object);
    this.#endings = new Endings(probes, object, this.#owners, ended);
    this.#macvtaps = new MacvtapCollector(probes, programs, this.#owners);
    if (probes.can('readers')) {
      this.#readers = new Readers(object);
      this.#readerTimes = new ReaderTimes(this.#readers, ({ pid, started }) => this.#owners.identityOf(pid, started));
    }
  }

  collect(): { readonly devices: readonly Device[]; readonly complete: boolean } {
    let sampled = this.#sample();
    while (this.#demands.update(sampled.walk.devices)) {
      this.#walker.walk(attachedBy(this.#probes, this.#demands.exits)); // prepares the queues that are watched now
      sampled = this.#sample();
    }
    const { nowNs, before, walk } = sampled;
    this.#readers?.look(false);
    const after = withFrames(this.#rows.read(false), this.#redirects.read());
    const freed = this.#freed.read();
    this.#receive.read();
    this.#states = this.#probes.states();
    this.#lost = this.#losses.sentences(this.#states, this.#probes.can, nowNs / 1e9);
    this.#vhost = vhostDriver() !== undefined && !this.#probes.can('guests-at-once');
    this.#used = before.used;
    const read: Read = { before, after, nowNs, freed };
    this.#settled.begin(this.#measuredBy());
    const devices = walk.devices.map((walked) => this.#device(walked, read, freed.get(walked.id)));
    const macvtaps = this.#macvtaps.collect(freed, this.#states);
    const complete = walk.complete && macvtaps.complete;
    const held = macvtaps.held.length > 0 ? [...heldOf(walk.devices), ...macvtaps.held] : heldOf(walk.devices);
    this.#held = complete ? held : together(this.#held, held); // what an incomplete walk left out keeps its owner
    const look = { walked: walk.devices, devices, complete, rows: before };
    this.#endings.see(look);
    this.#recycle(look, read, macvtaps.ids);
    this.#sawAll ||= complete;
    return { devices: [...devices, ...macvtaps.devices], complete };
  }

  /** The rows, and then the walk. */
  #sample(): { readonly nowNs: number; readonly before: RowsRead; readonly walk: ReturnType<Walker['walk']> } {
    if (this.#probes.can('offers-derived')) this.#probes.programs?.settle(false);
    // Before the rows: a stop that they have open is told up to here, and what its wake adds to them later is never less.
    const nowNs = Number(process.hrtime.bigint());
    const rows = this.#rows.read(true, this.#perCpu);
    this.#redirected = this.#redirects.read();
    const walk = this.#walker.walk(attachedBy(this.#probes, this.#demands.exits));
    return { nowNs, before: withFrames(rows, this.#redirected), walk };
  }

  unrouted(): readonly UnroutedDrop[] | undefined {
    return this.#unrouted.read();
  }

  pool(): { readonly used: number; readonly capacity: number } {
    return { used: this.#used, capacity: this.#rows.capacity };
  }

  /** The state of each program at the last snapshot: asking the kernel takes a call for each. */
  get states(): readonly ProbeState[] {
    return this.#states;
  }

  eventsLost(): readonly LostEvents[] {
    return this.#losses.events();
  }

  /** Runs apart from scrapes. */
  async refreshOwners(): Promise<void> {
    const guestsBy = this.#probes.mechanism('vhost');
    const read = await this.#owners.refresh(this.#held);
    if (!read && guestsBy === this.#guestsBy) return;
    this.#guestsBy = guestsBy;
    if (this.#probes.can('guests')) this.#probes.programs?.objectOf('vhost_queues').iterate('vhost_queues');
  }

  /** Looks at the readers of queues that are or recently were full or stopped; false: there are none. */
  sampleReaders(): boolean {
    return this.#readers?.look(true) ?? false;
  }

  /** The device for the snapshot: the same object as before if nothing in it changed. */
  #device(walked: WalkedDevice, read: Read, freed: readonly OtherDrop[] | undefined): Device {
    const { id } = walked;
    const owners = this.#owners.ofDevice(walked);
    const refused = this.#freed.refusedByHost(id);
    const [sums, after] = [read.before.devices.get(id), read.after.devices.get(id)];
    const counted = [sums, after, this.#redirected.get(id), ...this.#receive.readOf(id)];
    const inputs = [walked, freed, refused, ...counted, owners];
    const settled = this.#settled.find(id, inputs);
    if (settled && (this.#readerTimes?.isAsUpdated(walked) ?? true)) return settled;
    const device = this.#make(walked, read, freed ?? [], refused ?? [], owners);
    // Marks of the accounts last for a while, and so does what is open: a stop, or an episode of drops.
    const isOpen = [...(sums?.values() ?? [])].some(({ shared }) => shared && isOngoing(shared));
    const isMarked = device.degraded.length > this.#lost.length || device.unseen?.split !== undefined;
    const lasting = !isMarked && !isOpen && (this.#readerTimes?.isLasting(id) ?? true);
    this.#settled.keep(id, inputs, device, lasting);
    return device;
  }

  /** Everything that is the same for all devices. */
  #measuredBy(): string {
    const states = this.#states.map(({ event, mechanism, attached }) => `${event}=${attached && mechanism}`);
    return [...states, this.#vhost, this.#sawAll, ...this.#lost].join();
  }

  #make(
    walked: WalkedDevice,
    { before, after, nowNs }: Read,
    freed: readonly OtherDrop[],
    refusedByHost: readonly OtherDrop[],
    owners: readonly (Owner | undefined)[],
  ): Device {
    const otherDropped = freed.filter((drop) => !isWritten(drop));
    const counted = this.#probes.can('offers');
    const counting = counted || this.#probes.can('offers-derived');
    const freedMeasured = this.#probes.can('drops');
    const sums = before.devices.get(walked.id) ?? new Map();
    const changes = this.#queueChanges.update(this.#probes, walked, sums);
    return deviceOf(walked, {
      sums: counting ? sums : undefined,
      accounts:
        counting && freedMeasured
          ? this.#keepAccounts(walked, { before, after, otherDropped, queuesChanged: changes.changed })
          : undefined,
      reasons: this.#reasons,
      otherDropped: this.#probes.can('drops-before') ? otherDropped : undefined,
      receive: this.#receive.ofDevice(walked, freed, refusedByHost),
      receiveBatches: this.#receive.batchesOf(walked),
      redirected: this.#redirected.get(walked.id) ?? [],
      owners,
      readers: this.#readerTimes?.update(walked),
      freedMeasured,
      queueChanges: changes.total,
      counted,
      exitsCounted: counted && !this.#probes.can('entries'),
      consumedCounted: counting && this.#probes.can('takes'),
      regard: {
        arrivals: counted,
        departures: this.#probes.can('departures'),
        wakeCauses: this.#rows.wakeCauses,
        nowNs,
      },
      flowSeen: this.#probes.can('stops-possible'),
      vhost: vhostMeasured(this.#probes),
      frees: { seen: this.#probes.can('allocation'), deferredToo: this.#probes.can('deferred-frees') },
    });
  }

  #keepAccounts(walked: WalkedDevice, { before, after, otherDropped, queuesChanged }: Around): Accounts {
    const accounting = this.#accounting.get(walked.id) ?? new DeviceAccounting(this.#sawAll);
    this.#accounting.set(walked.id, accounting);
    const accounts = accounting.update(
      {
        before: before.devices.get(walked.id) ?? new Map(),
        after: after.devices.get(walked.id) ?? new Map(),
        walked: withoutFrames(walked, this.#redirected.get(walked.id) ?? []),
        otherDropped: this.#probes.can('drops-before')
          ? otherDropped.filter(mayBeInTxDropped).reduce((sum, { packets }) => sum + packets, 0)
          : Number.POSITIVE_INFINITY,
        vhost: this.#vhost,
        queuesChanged,
        entries: this.#probes.can('entries'),
      },
      modeOf(this.#probes),
    );
    return { ...accounts, degraded: [...accounts.degraded, ...this.#lost] };
  }

  #forget(present: ReadonlySet<bigint>): void {
    this.#readerTimes?.forget(present);
    this.#settled.forget(present);
    this.#queueChanges.forget(present);
  }

  #recycle(look: Look, read: Read, macvtaps: readonly bigint[]): void {
    const gone = this.#endings.recycle(look, {
      freed: read.freed,
      tables: [this.#receive.devices(), this.#redirected.keys()],
      others: { ids: this.#macvtaps.devices(), present: macvtaps },
      make: (walked) => this.#final(walked, read),
      released: (rows) => this.#rows.released(rows),
    });
    if (look.complete) this.#forget(new Set([...look.walked.map(({ id }) => id), ...this.#endings.absent]));
    for (const id of gone) this.#accounting.delete(id);
    if (gone.size === 0) return;
    for (const table of [this.#freed, this.#receive, this.#redirects, this.#macvtaps]) table.remove(gone);
  }

  /** A device that has ended, as a look would show it. */
  #final(walked: WalkedDevice, read: Read): Device {
    return this.#make(walked, read, read.freed.get(walked.id) ?? [], this.#freed.refusedByHost(walked.id) ?? [], []);
  }

  /** The driver goes, and all devices with it. */
  end(): void {
    const rows = this.#rows.read(false);
    const read = { before: rows, after: rows, nowNs: 0, freed: this.#freed.read() };
    this.#receive.read();
    this.#endings.end(rows, (walked) => this.#final(walked, read));
  }
}
