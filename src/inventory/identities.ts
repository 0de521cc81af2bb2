// SPDX-License-Identifier: Apache-2.0
// Identities of the processes that hold queues, looked up once a life and kept; never during a scrape.
import { type ProcessText, readCgroup, readLife, readProcess } from '../kernel/process-text.ts';
import type { Identity } from '../snapshot.ts';
import { identityOf } from './identity.ts';

/** A process as whoever observed it names it. */
export interface Observed {
  readonly pid: number;
  /** Clock ticks from boot to its start; undefined: the observer does not know. */
  readonly startedTicks: number | undefined;
}

interface Known {
  readonly text: ProcessText;
  readonly identity: Identity;
  readonly checkedMs: number;
}

/** Processes that are read in one turn, so that a thousand new ones do not hold up the next snapshot. */
const MOST_AT_ONCE = 64;
/** Another program may run under the same number since, or systemd have moved it. */
const CHECKED_EVERY_MS = 10_000;

export class Identities {
  readonly #known = new Map<number, Known>();
  #busy = false;

  /** undefined: not looked up yet, or what /proc has under this number is another process. */
  of({ pid, startedTicks }: Observed): Identity | undefined {
    const known = this.#known.get(pid);
    if (!known || (startedTicks !== undefined && startedTicks !== known.text.startedTicks)) return undefined;
    return known.identity;
  }

  /**
   * Forgets all others, reads what is new and looks at some of the rest again. A read may block for ever, where a process
   * hangs with the lock of its own memory held: that turn never ends then, and no other is begun.
   */
  async refresh(observed: Iterable<Observed>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#refresh(observed);
    } finally {
      this.#busy = false;
    }
  }

  async #refresh(observed: Iterable<Observed>): Promise<void> {
    const present = new Map([...observed].map((one) => [one.pid, one]));
    for (const pid of this.#known.keys()) if (!present.has(pid)) this.#known.delete(pid);
    const fresh = [...present.values()].filter((one) => !this.of(one));
    for (const one of fresh.slice(0, MOST_AT_ONCE)) await this.#read(one);
    const old = [...this.#known].filter(([, { checkedMs }]) => performance.now() - checkedMs > CHECKED_EVERY_MS);
    for (const [pid, known] of old.slice(0, MOST_AT_ONCE)) await this.#check(pid, known);
  }

  async #read({ pid, startedTicks }: Observed): Promise<void> {
    const text = await readProcess(pid);
    if (text && (startedTicks === undefined || startedTicks === text.startedTicks)) this.#keep(pid, text);
    else this.#known.delete(pid);
  }

  /** The cgroup is all that changes in a life. */
  async #check(pid: number, { text, identity }: Known): Promise<void> {
    const cgroups = await readCgroup(pid).catch(() => undefined);
    if (cgroups === undefined || (await readLife(pid)) !== text.life) this.#known.delete(pid);
    else if (cgroups !== text.cgroups) this.#keep(pid, { ...text, cgroups });
    else this.#known.set(pid, { text, identity, checkedMs: performance.now() });
  }

  #keep(pid: number, text: ProcessText): void {
    this.#known.set(pid, { text, identity: identityOf(text), checkedMs: performance.now() });
  }
}
