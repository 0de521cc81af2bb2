// SPDX-License-Identifier: Apache-2.0
// The programs of bpf/ways.bpf.c, which follow packets while a person asks. Several subjects need them; each tracepoint has one program for all, for
// being called is half of what a packet pays.
import { errnoOf } from '../kernel/error-name.ts';
import type { BpfLink, BpfObject } from '../kernel/native.ts';
import { DeviceRoles } from './device-roles.ts';
import { bytes32, openQuestion } from './open-object.ts';
import type { LoadedPrograms } from './programs.ts';
import { NO_REASON, silentReasons } from './unnamed-losses.ts';

/** For each packet of the host. Where tracing programs are refused, the same as raw tracepoints: there each field costs more. */
const FOLLOWING = [
  ['received_typed', 'sent_typed', 'asked_freed_typed'],
  ['received_raw', 'sent_raw', 'asked_freed_raw'],
] as const;
/** Attached where there is something for them. */
const LATER = ['waited_beyond', 'taken', 'passed'] as const;

/** Attached when it is made; throws where the kernel refuses the programs. */
export class AskedObject {
  readonly object: BpfObject;
  readonly roles: DeviceRoles;
  readonly #links = new Map<string, BpfLink>();
  /** Of LATER, those that this kernel does not attach. */
  readonly #refused = new Set<string>();
  #users = 0;
  #isEnding = false;

  constructor({ reasons, typedReads }: Pick<LoadedPrograms, 'reasons' | 'typedReads'>, following: readonly string[]) {
    const { unnamed, consumed } = silentReasons(reasons);
    this.object = openQuestion('ways', typedReads);
    try {
      const wanted: readonly string[] = [...following, ...LATER];
      for (const { name } of this.object.programs) this.object.setAutoload(name, wanted.includes(name));
      this.object.setVariable('reason_not_specified', bytes32(unnamed));
      this.object.setVariable('reason_consumed', bytes32(consumed));
      this.object.setVariable('reason_otherhost', bytes32(reasons.number('OTHERHOST') ?? NO_REASON));
      this.object.load();
      this.roles = new DeviceRoles(this.object);
      for (const name of following) this.#links.set(name, this.object.attach(name));
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  /** What comes after one has left is another question. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  use(): this {
    this.#users += 1;
    return this;
  }

  /** Of each that used it, once. */
  leave(): void {
    this.#isEnding = true;
    this.#users -= 1;
    if (this.#users === 0) this.#close();
  }

  /** EINVAL: this kernel's consume_skb says no location. */
  attach(program: (typeof LATER)[number]): void {
    if (this.#links.has(program) || this.#refused.has(program)) return;
    try {
      this.#links.set(program, this.object.attach(program));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#refused.add(program);
    }
  }

  isAttached(program: (typeof LATER)[number]): boolean {
    return this.#links.has(program);
  }

  isRefused(program: (typeof LATER)[number]): boolean {
    return this.#refused.has(program);
  }

  #close(): void {
    for (const link of this.#links.values()) link.detach();
    this.object.close();
  }
}

export class AskedPrograms {
  readonly #programs: Pick<LoadedPrograms, 'reasons' | 'typedReads'>;
  #object: AskedObject | undefined;

  constructor(programs: Pick<LoadedPrograms, 'reasons' | 'typedReads'>) {
    this.#programs = programs;
  }

  /** The same for all that ask in one question. Throws where the kernel refuses the programs. */
  use(): AskedObject {
    if (!this.#object || this.#object.isEnding) this.#object = this.#open();
    return this.#object.use();
  }

  #open(): AskedObject {
    const [typed, raw] = FOLLOWING;
    try {
      return new AskedObject(this.#programs, typed);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return new AskedObject(this.#programs, raw);
    }
  }
}
