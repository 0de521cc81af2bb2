// SPDX-License-Identifier: Apache-2.0
// A row of the table of reasons: what one kernel drop reason means in one place, and what ends it.

/**
 * loss: a fault. meant: somebody's purpose (a firewall, a program). policed: a rate limit, or what may be one. harmless: a protocol's ordinary
 * end, never a finding. noise: a small share is ordinary, the bulk of a device's packets is a fault.
 */
type DropClass = 'loss' | 'meant' | 'policed' | 'harmless' | 'noise';

/** from: of what came from the guest or writer. to: on its way to the guest or reader. */
export type Way = 'from' | 'to';

export interface DropRemedy {
  /** `{device}` stands for the device's name, quoted. Run in the device's namespace, unless it is for the guest. */
  readonly command: string | undefined;
  readonly effect: string;
  readonly by: 'host' | 'guest' | 'vmm';
}

export interface DropRow {
  readonly class: DropClass;
  /** Ends "the host dropped 12 of 40 packets: …". */
  readonly cause: string;
  /** The best first. */
  readonly remedies: readonly DropRemedy[];
  /** Only where one of these kernel functions freed the packet; undefined: anywhere else. */
  readonly at?: readonly string[];
  /** Only on this way; undefined: on both. */
  readonly way?: Way;
  /** Only of devices that carry IP packets, or Ethernet frames. */
  readonly carries?: 'packets' | 'frames';
  /** Only of a port of a bridge that is isolated beside others, or locked. */
  readonly port?: 'isolated' | 'locked';
  /** Only where the device that they came in by is a port of a bond or team, and not known to be an active one. */
  readonly ofBond?: true;
  /** Of noise: the share of the device's packets, 0 to 1, from which on it is a fault; undefined: a fifth. */
  readonly bulk?: number;
  /** No row of the table: only the place is known. */
  readonly isUnknown?: true;
  /** That the commands name; undefined: the device that the packets are for or from. */
  readonly device?: string;
  /** Where the commands run; undefined: in the device's namespace. */
  readonly netns?: number;
  /** Of noise: an idle device has little else, so few packets prove nothing. */
  readonly isTrickle?: true;
}

/** Rows of one reason; the first that fits is taken, so those with conditions stand first. */
export type DropRows = Readonly<Record<string, readonly DropRow[]>>;

export function onHost(command: string, effect: string): DropRemedy {
  return { command, effect, by: 'host' };
}

export function inGuest(command: string, effect: string): DropRemedy {
  return { command, effect: `In the guest: ${effect}`, by: 'guest' };
}

/** A change of the program that holds the device. */
export function inProgram(effect: string): DropRemedy {
  return { command: undefined, effect, by: 'vmm' };
}

/** Where the memory that packets are read from or into cannot be accessed. */
export function memoryFault(program: string): string {
  return `A fault of the ${program}, or of the guest’s memory behind vhost-net: restart it, update it.`;
}

/** The kernel's own counters of errors, those that have grown since the last call. */
export const errorCounters: DropRemedy = onHost(
  'nstat -az',
  'The kernel’s own counters of the namespace: the one that grows as fast names the cause.',
);

export const deviceStatistics: DropRemedy = onHost(
  'ip -s -s link show',
  'Shows the errors and drops of each device, its MTU and state.',
);

/** A protocol's ordinary end: nothing is to be done. */
export function harmless(cause: string, more: Partial<DropRow> = {}): DropRow {
  return { class: 'harmless', cause, remedies: [], ...more };
}
