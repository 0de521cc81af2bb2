// SPDX-License-Identifier: Apache-2.0
// Where the host sends on what came in by a device, and what of it is lost behind a veth or a tunnel: counted while a person asks.
import { isDeepStrictEqual } from 'node:util';
import { Places } from '../engine/places.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { isLoss } from '../engine/unnamed-losses.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { addressText } from '../kernel/rtnetlink-routes.ts';
import type { Device, OtherDrop, WaitBeyond } from '../snapshot/device.ts';
import { type SeenBeyond, type SeenQuestion, type SeenWait, type SeenWay, WaysOut } from './ways-out.ts';

/** Devices and numbers of copies that a device shows; the rest is in none of its rows. */
const MOST_WAYS = 32;

type Followed = Pick<
  Device,
  'sentOn' | 'askedFor' | 'toGroups' | 'lostBeyond' | 'copiesBeyond' | 'waitsBeyond' | 'unfollowed'
>;

type Needed = Pick<Parts, 'question' | 'programs' | 'asked'> & { readonly probes: Pick<Parts['probes'], 'symbols'> };

class Ways {
  readonly #parts: Needed;
  readonly #places: Places<bigint>;
  readonly devices = new Map<bigint, Pick<WalkedDevice, 'netns' | 'ifindex'>>();
  #out: WaysOut | undefined;
  /** Why the kernel refuses the programs. */
  #refused: string | undefined;
  #facts: ReadonlyMap<bigint, Followed> = new Map();

  constructor(parts: Needed) {
    this.#parts = parts;
    this.#places = new Places(parts.probes.symbols);
  }

  /** undefined: nobody asks. */
  of(id: bigint): Followed | undefined {
    return this.#facts.get(id);
  }

  refresh(): void {
    const { question } = this.#parts;
    if (!question.isOpen) this.#close();
    if (question.isOpen && this.#refused === undefined) this.#follow();
    if (this.#refused !== undefined) this.#markRefused(this.#refused);
  }

  #follow(): void {
    try {
      this.#out ??= new WaysOut(this.#parts.asked.use());
      this.#out.follow(this.devices);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.#close();
      this.#refused = errno;
    }
  }

  #markRefused(why: string): void {
    const unfollowed = [
      `by which devices its packets leave, and what is lost or waits behind a veth or a tunnel (${why})`,
    ];
    this.#facts = new Map([...this.devices.keys()].map((id) => [id, this.#facts.get(id) ?? { unfollowed }]));
  }

  read(): void {
    if (!this.#out) return;
    const ways = this.#out.read().filter(({ packets }) => packets > 0);
    const beyond = this.#out.readBeyond();
    const waits = this.#out.readWaits();
    const questions = this.#out.readQuestions();
    this.#places.learn(beyond.map(({ address }) => address));
    const facts = new Map<bigint, Followed>();
    for (const [id, device] of this.devices) {
      if (!this.#out.follows(id, device)) continue; // nothing is counted of it yet
      const isIts = (one: SeenWay | SeenBeyond | SeenWait | SeenQuestion): boolean =>
        one.netns === device.netns && one.from === device.ifindex;
      const own = ways.filter(isIts);
      const now = {
        sentOn: own
          .slice(0, MOST_WAYS)
          .map(({ to, ports, packets }) => ({ ...(to !== '' && { device: to }), ports, packets })),
        lostBeyond: beyond
          .filter((one) => isIts(one) && !one.mayBeCopy)
          .map((one) => this.#lossOf(id, one, own))
          .filter(isLoss),
        copiesBeyond: beyond.reduce((sum, one) => sum + (isIts(one) && one.mayBeCopy ? one.packets : 0), 0),
        waitsBeyond: waits
          .filter(isIts)
          .slice(0, MOST_WAYS)
          .map((one) => waitOf(one, own)),
        toGroups: questions
          .filter((one) => isIts(one) && isGroup(one))
          .toSorted((a, b) => b.asked - a.asked)
          .slice(0, MOST_WAYS)
          .map(({ address, asked }) => ({ address: addressText(address), packets: asked })),
        askedFor: questions
          .filter((one) => isIts(one) && !isGroup(one))
          .toSorted((a, b) => a.answered - b.answered || b.asked - a.asked)
          .slice(0, MOST_WAYS)
          .map(({ address, asked, answered }) => ({ address: addressText(address), asked, answered })),
      };
      const before = this.#facts.get(id);
      facts.set(id, before && isDeepStrictEqual(before, now) ? before : now);
    }
    this.#facts = facts;
  }

  #lossOf(id: bigint, { first, lostIn, reason, address, packets }: SeenBeyond, ways: readonly SeenWay[]): OtherDrop {
    const sentBy = nameOf(first, ways);
    const place = this.#places.of(id, this.#parts.programs.reasons.name(reason), address);
    return { ...place, packets, beyond: { netns: lostIn, sentBy } };
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.devices.keys()) if (!present.has(id)) this.devices.delete(id);
  }

  #close(): void {
    this.#out?.close();
    this.#out = undefined;
    this.#refused = undefined;
    if (this.#facts.size > 0) this.#facts = new Map();
  }
}

/** Counted as an address that was asked for. */
function isGroup({ address: [first = 0, ...more] }: SeenQuestion): boolean {
  return more.length === 3 ? (first & 0xf0) === 0xe0 : first === 0xff;
}

function waitOf({ first, waitedIn, device, packets, nanoseconds }: SeenWait, ways: readonly SeenWay[]): WaitBeyond {
  return { device, netns: waitedIn, sentBy: nameOf(first, ways), packets, seconds: nanoseconds / 1e9 };
}

/** Of a device by which they left; copies leave by several. */
function nameOf(ifindex: number, ways: readonly SeenWay[]): string {
  return ways.find(({ toIndex }) => toIndex === ifindex)?.to ?? 'several devices';
}

function open(parts: Parts): OpenSubject {
  const ways = new Ways(parts);
  const shown = new Map<bigint, Followed | undefined>();
  return {
    see: ({ id, netns, ifindex }) => {
      ways.devices.set(id, { netns, ifindex });
      shown.set(id, ways.of(id));
      return undefined;
    },
    isAsSeen: ({ id }) => shown.get(id) === ways.of(id),
    device: ({ walked: { id } }) => {
      const {
        sentOn,
        lostBeyond = [],
        copiesBeyond = 0,
        waitsBeyond = [],
        askedFor = [],
        toGroups = [],
        unfollowed,
      } = shown.get(id) ?? {};
      return {
        ...(sentOn && { sentOn }),
        ...(lostBeyond.length > 0 && { lostBeyond }),
        ...(copiesBeyond > 0 && { copiesBeyond }),
        ...(waitsBeyond.length > 0 && { waitsBeyond }),
        ...(askedFor.length > 0 && { askedFor }),
        ...(toGroups.length > 0 && { toGroups }),
        ...(unfollowed && { unfollowed }),
      };
    },
    read: () => ways.read(),
    refresh: () => ways.refresh(),
    keepOnly: (present) => {
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
      ways.forget(present);
    },
  };
}

export const ways: Subject = { name: 'ways', events: [], open };
