// SPDX-License-Identifier: Apache-2.0
// Identities of the processes that hold queues, looked up once a life and kept until it ends; never during a scrape.
import { digestOf } from '../kernel/digest.ts';
import { type ProcessText, readCgroup, readLife, readProcess } from '../kernel/process-text.ts';
import type { Identity, Monitor } from '../snapshot/owner.ts';
import { readCgroups } from './cgroup-path.ts';
import { readCommandLine } from './command-line.ts';
import { monitorOf } from './qemu-monitor.ts';
import type { Tenants } from './tenants.ts';

/** Characters: a label is no place for a whole command line. */
const LONGEST = 128;
/** Hexadecimal digits that tell names apart which begin alike. */
const DIGITS = 8;

export function identityOf({ args, comm, cgroups }: ProcessText): Identity {
  const said = readCommandLine(args, comm);
  const placed = readCgroups(cgroups);
  const isMachine = said.program === 'qemu' && placed.machine !== '';
  // A libvirt in a pod or container is not the host's.
  const isLibvirt = (said.isLibvirt || isMachine) && placed.pod === '' && placed.container === '';
  return {
    program: said.program,
    vm: cut(said.vm || (isMachine ? placed.machine : '')),
    uuid: said.uuid,
    // Inside a Kata sandbox the container is the VM's guest; what the host sees is the sandbox.
    runtime: said.sandbox ? 'kata' : placed.runtime || (isLibvirt ? 'libvirt' : ''),
    container: cut(said.sandbox || placed.container),
    pod: placed.pod,
    unit: cut(placed.unit),
  };
}

/** `web1web1web1…1f3870be` */
function cut(name: string): string {
  const characters = [...name];
  if (characters.length <= LONGEST) return name;
  return `${characters.slice(0, LONGEST - 1 - DIGITS).join('')}…${digestOf(name, DIGITS)}`;
}

/** A process as the sample that found it names it. */
export interface Observed {
  readonly pid: number;
  /** Clock ticks from boot to its start; undefined: the observer does not know. */
  readonly startedTicks: number | undefined;
  /** The same value means the same program in the same cgroups; absent: the observer does not know. */
  readonly sameAs?: string | undefined;
}

interface Known {
  readonly text: ProcessText;
  readonly identity: Identity;
  readonly monitor: Monitor | undefined;
  readonly checkedMs: number;
  /** The time when /proc was read last. */
  readonly readMs: number;
  /** `sameAs` of the sample after which it was read. */
  readonly sameAs: string | undefined;
}

/** Processes that are read in one turn, so that a thousand new ones do not hold up the next snapshot. */
const MOST_AT_ONCE = 64;
/** Another program may run under the same number since, or systemd have moved it. */
const CHECKED_EVERY_MS = 10_000;
/** One that the kernel says is the same: an address that says so may be used again. */
const SAME_READ_EVERY_MS = 6 * CHECKED_EVERY_MS;
/** A process that no sample has found any more for so long has let its queues go, and lives on without them. */
const KEPT_MS = 60_000;

export class Identities {
  readonly #known = new Map<number, Known>();
  readonly #seenMs = new Map<number, number>();
  readonly #checkedEveryMs: number;
  readonly #tenants: Tenants | undefined;
  #busy = false;
  #version = 0;

  constructor(tenants?: Tenants, checkedEveryMs = CHECKED_EVERY_MS) {
    this.#tenants = tenants;
    this.#checkedEveryMs = checkedEveryMs;
  }

  /** Grows when an answer becomes another. */
  get version(): number {
    return this.#version;
  }

  /** undefined: not looked up yet, or what /proc has under this number is another process. */
  of(observed: Observed): Identity | undefined {
    return this.#knownOf(observed)?.identity;
  }

  monitorOf(observed: Observed): Monitor | undefined {
    return this.#knownOf(observed)?.monitor;
  }

  #knownOf({ pid, startedTicks }: Observed): Known | undefined {
    const known = this.#known.get(pid);
    return startedTicks !== undefined && startedTicks !== known?.text.startedTicks ? undefined : known;
  }

  /**
   * Reads what is new, looks at some of the rest again, and forgets who has ended: that a sample did not find a process says nothing of
   * it, for looks may be incomplete. A read may block for ever, where a process hangs with the lock of its own memory held: that turn
   * never ends then, and no other is begun.
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
    await this.#tenants?.refresh();
    const present = new Map([...observed].map((one) => [one.pid, one]));
    const now = performance.now();
    for (const pid of present.keys()) this.#seenMs.set(pid, now);
    const fresh = [...present.values()].filter((one) => !this.of(one));
    for (const one of fresh.slice(0, MOST_AT_ONCE)) await this.#read(one);
    const old = [...this.#known].filter(
      ([pid, { checkedMs }]) => !present.has(pid) || now - checkedMs > this.#checkedEveryMs,
    );
    for (const [pid, known] of old.slice(0, MOST_AT_ONCE)) {
      const one = present.get(pid);
      if (one && isSame(one, known) && now - known.readMs < SAME_READ_EVERY_MS) await this.#checkTenant(pid, known);
      else await this.#check(pid, known, one?.sameAs);
    }
  }

  async #read({ pid, startedTicks, sameAs }: Observed): Promise<void> {
    const text = await readProcess(pid);
    if (text && (startedTicks === undefined || startedTicks === text.startedTicks)) await this.#keep(pid, text, sameAs);
  }

  /** A read that fails changes nothing. */
  async #check(pid: number, known: Known, sameAs: string | undefined): Promise<void> {
    const { text } = known;
    const now = await readLife(pid);
    if (now === undefined) return;
    const unseenMs = performance.now() - (this.#seenMs.get(pid) ?? 0);
    if (now === 'ended' || now.startedTicks !== text.startedTicks || unseenMs > KEPT_MS) {
      this.#known.delete(pid);
      this.#seenMs.delete(pid);
      this.#version += 1;
    } else if (now.life !== text.life) {
      await this.#read({ pid, startedTicks: text.startedTicks, sameAs }); // it executed another program, or has another name
    } else {
      // Only the cgroup and the tenant of a process change during its life.
      const cgroups = await readCgroup(pid).catch(() => text.cgroups);
      if (cgroups !== text.cgroups) await this.#keep(pid, { ...text, cgroups }, sameAs);
      else await this.#checkTenant(pid, { ...known, sameAs, readMs: performance.now() });
    }
  }

  /** The operator's map may have changed, and a pod may have got its folder. */
  async #checkTenant(pid: number, known: Known): Promise<void> {
    const { tenant, podName, ...identity } = known.identity;
    const isTheirs = ((await this.#tenants?.of(identity)) || undefined) === tenant;
    if (isTheirs && this.#tenants?.podName(identity) === podName)
      this.#known.set(pid, { ...known, checkedMs: performance.now() });
    else await this.#keep(pid, known.text, known.sameAs);
  }

  async #keep(pid: number, text: ProcessText, sameAs: string | undefined): Promise<void> {
    const placed = identityOf(text);
    const tenant = await this.#tenants?.of(placed);
    const podName = this.#tenants?.podName(placed);
    const identity = { ...placed, ...(podName && { podName }), ...(tenant && { tenant }) };
    const monitor = identity.program === 'qemu' ? monitorOf(text.args) : undefined;
    const now = performance.now();
    this.#known.set(pid, { text, identity, monitor, checkedMs: now, readMs: now, sameAs });
    this.#version += 1;
  }
}

function isSame({ startedTicks, sameAs }: Observed, known: Known): boolean {
  return sameAs !== undefined && sameAs === known.sameAs && startedTicks === known.text.startedTicks;
}
