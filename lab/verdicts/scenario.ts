// SPDX-License-Identifier: Apache-2.0
// What the benchmark of verdicts is made of: a fault, or something healthy that looks like one, and what is to be said of it.
import type { Device } from '../../src/snapshot/device.ts';
import type { ReaderKind, Stage } from './setup.ts';

/** One device of which something is wrong. */
export interface Fault {
  readonly device: string;
  /** undefined: it is about the agent itself. */
  readonly rule: string;
  /** Rules that have to speak of it as well. */
  readonly also?: readonly string[];
  /** Rules that may speak of it too. */
  readonly may?: readonly string[];
  /** Whether two snapshots show the fault: from then on the time to the verdict counts. */
  readonly holds: (before: Device, now: Device) => boolean;
}

export interface Scenario {
  readonly name: string;
  /** The rule that it is a near miss of; undefined: a fault, or a healthy host that tempts no rule. */
  readonly nearMissOf?: string;
  /** None: all is well, and nothing but information may be given. */
  readonly faults: readonly Fault[];
  readonly readers: readonly ReaderKind[];
  readonly rings: readonly number[];
  readonly rates: readonly number[];
  /** Series on which the scenario works, and the reason; undefined: all. */
  readonly only?: { readonly series: readonly string[]; readonly because: string };
  /** The reader has a CPU of its own, for which others fight: nothing else may run meanwhile. */
  readonly alone?: true;
  /** Mechanisms forced on the agent, which then watches nothing else. */
  readonly mechanisms?: readonly string[];
  /** The agent's budget, as a share of all CPUs; undefined: no limit. With one, the agent watches nothing else. */
  readonly budget?: number;
  /** The operator asks about this device, and gets an answer even if all is well. */
  readonly asked?: string;
  /** Prepares everything while all is well; resolves with the function that begins the fault. */
  readonly prepare: (stage: Stage) => Promise<() => Promise<unknown>>;
}

/** A scenario in the file of its subject: without faults all is well; `begin` begins the fault when `setUp` is done. */
export type Entry = Omit<Scenario, 'faults' | 'prepare'> &
  Partial<Pick<Scenario, 'faults'>> &
  (Pick<Scenario, 'prepare'> | { readonly [Step in 'setUp' | 'begin']: (stage: Stage) => Promise<unknown> });

export function drawn(
  readers: readonly ReaderKind[],
  rings: readonly number[],
  rates: readonly number[],
): Pick<Scenario, 'readers' | 'rings' | 'rates'> {
  return { readers, rings, rates };
}

export const BACKPRESSURE = { series: ['7.3'], because: 'IFF_BACKPRESSURE came with Linux 7.3' };

/** Whether drops for this reason grew, over all queues, since the snapshot before. */
export function dropped(reason: string): Fault['holds'] {
  const of = ({ queues }: Device): number =>
    queues.reduce(
      (sum, { counters }) => sum + (counters?.dropped.find((one) => one.reason === reason)?.packets ?? 0),
      0,
    );
  return (before, now) => of(now) > of(before);
}

/** Whether packets were lost before tun, for any reason or for this one. */
export function lostBefore(before: Device, now: Device, wanted?: string): boolean {
  const of = ({ otherDropped = [] }: Device): number =>
    otherDropped.reduce((sum, { reason, packets }) => sum + (reason === (wanted ?? reason) ? packets : 0), 0);
  return of(now) > of(before);
}

export const ringOverflows: Fault['holds'] = (before, now) =>
  dropped('FULL_RING')(before, now) || dropped('UNTRACED')(before, now);
