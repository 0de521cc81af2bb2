// SPDX-License-Identifier: Apache-2.0
// Where the host sends on what came in by a device: counted while a person asks, for the ledger.
import { isDeepStrictEqual } from 'node:util';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { errnoOf } from '../kernel/error-name.ts';
import type { SentOn } from '../snapshot/device.ts';
import { WaysOut } from './ways-out.ts';

/** Devices and numbers of copies that a device shows; the rest is in none of its rows. */
const MOST_WAYS = 32;

/** Undefined: nobody asks, or the kernel refuses the programs. */
type Followed = readonly SentOn[] | undefined;

class Ways {
  readonly #question: Parts['question'];
  readonly devices = new Map<bigint, Pick<WalkedDevice, 'netns' | 'ifindex'>>();
  #out: WaysOut | undefined;
  #isRefused = false;
  /** Those that the programs know: of others nothing is counted yet. */
  #followed: ReadonlySet<bigint> = new Set();
  #facts: ReadonlyMap<bigint, Followed> = new Map();

  constructor(question: Parts['question']) {
    this.#question = question;
  }

  of(id: bigint): Followed {
    return this.#facts.get(id);
  }

  refresh(): void {
    if (!this.#question.isOpen) this.#close();
    if (!this.#question.isOpen || this.#isRefused) return;
    try {
      this.#out ??= new WaysOut();
      this.#out.follow([...this.devices.values()]);
      this.#followed = new Set(this.devices.keys());
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#close();
      this.#isRefused = true;
    }
  }

  read(): void {
    if (!this.#out) return;
    const all = this.#out.read().filter(({ packets }) => packets > 0);
    const facts = new Map<bigint, Followed>();
    for (const [id, { netns, ifindex }] of this.devices) {
      if (!this.#followed.has(id)) continue;
      const own = all
        .filter((way) => way.netns === netns && way.from === ifindex)
        .slice(0, MOST_WAYS)
        .map(({ to, ports, packets }) => ({ ...(to !== '' && { device: to }), ports, packets }));
      const before = this.#facts.get(id);
      facts.set(id, isDeepStrictEqual(before, own) ? before : own);
    }
    this.#facts = facts;
  }

  #close(): void {
    this.#out?.close();
    this.#out = undefined;
    this.#isRefused = false;
    this.#followed = new Set();
    if (this.#facts.size > 0) this.#facts = new Map();
  }
}

function open({ question }: Parts): OpenSubject {
  const ways = new Ways(question);
  const shown = new Map<bigint, Followed>();
  return {
    see: ({ id, netns, ifindex }) => {
      ways.devices.set(id, { netns, ifindex });
      shown.set(id, ways.of(id));
      return undefined;
    },
    isAsSeen: ({ id }) => shown.get(id) === ways.of(id),
    device: ({ walked: { id } }) => {
      const sentOn = shown.get(id);
      return sentOn ? { sentOn } : {};
    },
    read: () => ways.read(),
    refresh: () => ways.refresh(),
    keepOnly: (present) => {
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
      for (const id of ways.devices.keys()) if (!present.has(id)) ways.devices.delete(id);
    },
  };
}

export const ways: Subject = { name: 'ways', events: [], open };
