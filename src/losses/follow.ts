// SPDX-License-Identifier: Apache-2.0
// Losses while `drops` follows them: counts by device, queue, reason and function, and as many single packets as the rate allows.

import { HashEntries } from '../engine/hash-entries.ts';
import { LOCATION_MODULES, LOCATION_SYMBOLS } from '../engine/locations.ts';
import { writeTextRanges } from '../engine/open-object.ts';
import { FunctionNames } from '../kernel/function-names.ts';
import { Globals } from '../kernel/globals.ts';
import { loadedModules, readHost, tunDriver } from '../kernel/host.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import { cString } from '../kernel/map-view.ts';
import { type FollowObject, type FollowOptions, openFollow } from './follow-object.ts';
import { type LossKey, LossKeys, LossRecords, type LostPacket, type LostStack } from './read.ts';

/** Losses of one device and queue, for one reason, in one function, since the program was attached. */
export interface LossCount {
  readonly key: LossKey;
  /** A member of enum location_class (bpf/drops/location.bpf.h) without its prefix: TRANSMIT, PURGED, … */
  readonly kind: string;
  readonly netns: number;
  readonly device: string;
  readonly packets: number;
  /** The part of `packets` that was handed over singly. */
  readonly recorded: number;
  /** Had to be told and found no room in the ring buffer. */
  readonly noRoom: number;
}

/** What the program itself could not count. */
export interface FollowGaps {
  /** Packets for which there was no room among the counts. */
  readonly uncounted: number;
  /** Packets lost in tun that named no device. */
  readonly nameless: number;
  /** Runs that the kernel skipped. */
  readonly skipped: number;
}

const LOSS_FIELDS = ['packets', 'recorded', 'no_room', 'netns', 'class', 'name'] as const;
const TICK_FIELDS = ['tokens', 'most', 'forget'] as const;
const NAME_BYTES = 16; // IFNAMSIZ
const CHOSEN = Uint8Array.of(1);

/** Whose types its programs read. */
const MODULES = ['tun'];

export class Follow {
  readonly #follow: FollowObject;
  readonly #rate: number;
  readonly #names = new FunctionNames();
  readonly #keys: LossKeys;
  readonly #losses: HashEntries;
  readonly #records: LossRecords;
  readonly #loss: Layout<(typeof LOSS_FIELDS)[number]>;
  readonly #tick: Layout<(typeof TICK_FIELDS)[number]>;
  readonly #kinds: ReadonlyMap<number, string>;
  readonly #globals: Globals<'lost_keys' | 'lost_no_device'>;
  readonly #chosen = new Set<string>();
  #modules = modulesNow();
  #filledMs = performance.now();
  /** A fraction of a token. */
  #rest = 0;
  #skipped = 0;
  #attached = true;

  /** Attached when it returns. Throws one sentence where losses cannot be followed. */
  constructor(options: FollowOptions) {
    const host = readHost({ symbols: [...LOCATION_SYMBOLS, 'sock_rfree'], modules: MODULES });
    this.#follow = openFollow(host, options);
    host.releaseTypes();
    const { object } = this.#follow;
    const btf = object.btf();
    this.#rate = options.rate;
    this.#keys = new LossKeys(object);
    this.#losses = new HashEntries(object, 'losses');
    this.#records = new LossRecords(object);
    this.#loss = layoutOf(btf, 'loss', LOSS_FIELDS);
    this.#tick = layoutOf(btf, 'tick', TICK_FIELDS);
    this.#kinds = new Map(
      btf.enumValues('location_class')?.map(({ name, value }) => [value, name.replace('CLASS_', '')]),
    );
    this.#globals = new Globals(object, ['lost_keys', 'lost_no_device']);
    this.#runTick(options.rate, true);
  }

  get program(): string {
    return this.#follow.program;
  }

  reasonName(reason: number): string {
    return this.#follow.reasons.name(reason);
  }

  functionName(address: bigint): string {
    return this.#names.at(address);
  }

  /** The devices that are followed from now on, where not all are. */
  choose(ids: ReadonlySet<string>): void {
    const { object } = this.#follow;
    for (const id of ids) if (!this.#chosen.has(id)) object.update('chosen', keyOf(id), CHOSEN);
    for (const id of this.#chosen) if (!ids.has(id)) object.remove('chosen', keyOf(id));
    this.#chosen.clear();
    for (const id of ids) this.#chosen.add(id);
  }

  counts(): readonly LossCount[] {
    const { at } = this.#loss;
    const counts = this.#losses.read().map(({ key, value }) => ({
      key: this.#keys.read(key, 0),
      kind: this.#kinds.get(value.getUint32(at.class, true)) ?? '',
      netns: value.getUint32(at.netns, true),
      device: textAt(value, at.name),
      packets: Number(value.getBigUint64(at.packets, true)),
      recorded: Number(value.getBigUint64(at.recorded, true)),
      noRoom: Number(value.getBigUint64(at.no_room, true)),
    }));
    this.#names.learn(counts.map(({ key }) => key.location));
    return counts;
  }

  /** Packets and stacks since the last call; then as many may come as the time since then allows, or a second's worth. */
  take(): readonly (LostPacket | LostStack)[] {
    const records = [...this.#records.drain()];
    this.#names.learn(
      records.flatMap((record) => [record.key.location, ...(record.kind === 'stack' ? record.frames : [])]),
    );
    const now = performance.now();
    const due = this.#rest + (this.#rate * (now - this.#filledMs)) / 1000;
    this.#filledMs = now;
    this.#rest = due % 1;
    if (this.#attached) this.#runTick(Math.floor(due), false);
    return records;
  }

  /** Functions of modules that came since, and verdicts on what modules left. */
  refresh(): void {
    const modules = modulesNow();
    if (modules === this.#modules) return;
    this.#modules = modules;
    const host = readHost({ symbols: LOCATION_SYMBOLS, modules: MODULES });
    writeTextRanges(this.#follow.object, host);
    host.releaseTypes();
    this.#runTick(0, true);
  }

  /** Devices that are gone for good make room for others. */
  forget(ids: ReadonlySet<string>): void {
    if (ids.size > 0) this.#losses.removeWhere((key) => ids.has(this.#keys.read(key, 0).deviceId));
  }

  gaps(): FollowGaps {
    const { object, program } = this.#follow;
    if (this.#attached) this.#skipped = Number(object.programInfo(program).recursionMisses);
    const globals = this.#globals;
    return { uncounted: globals.u64('lost_keys'), nameless: globals.u64('lost_no_device'), skipped: this.#skipped };
  }

  /** Detaches the program; its counts can still be read. */
  detach(): void {
    this.gaps();
    this.#attached = false;
    this.#follow.link.detach();
  }

  close(): void {
    this.#records.close();
    this.#follow.object.close();
  }

  #runTick(tokens: number, forget: boolean): void {
    const view = new DataView(new ArrayBuffer(this.#tick.size));
    view.setUint32(this.#tick.at.tokens, Math.min(tokens, this.#rate), true);
    view.setUint32(this.#tick.at.most, this.#rate, true);
    view.setUint32(this.#tick.at.forget, Number(forget), true);
    this.#follow.object.testRun('tick', new Uint8Array(view.buffer));
  }
}

function modulesNow(): string {
  return `tun ${tunDriver() ?? '-'}, ${loadedModules(LOCATION_MODULES)}`;
}

function keyOf(id: string): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(id)).buffer);
}

function textAt(view: DataView, offset: number): string {
  return cString(new Uint8Array(view.buffer, view.byteOffset + offset, NAME_BYTES));
}
