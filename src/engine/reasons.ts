// SPDX-License-Identifier: Apache-2.0
// Names of drop reasons, from the running kernel's BTF: the numbers move with every release.
import type { Btf } from '../kernel/native.ts';

const SLOTS = 16;

/** Of packets that found the ring full; UNTRACED: no reason was seen. */
export const FULL_RING_REASONS: readonly string[] = ['FULL_RING', 'UNTRACED'];
/** Reasons that the kernel has for tun alone, and none. */
export const TUN_ONLY_REASONS: readonly string[] = [...FULL_RING_REASONS, 'TAP_TXFILTER', 'TAP_FILTER'];
/** What tun_net_xmit itself drops for, beside a full ring. */
const TUN_REASONS = ['DEV_READY', 'TAP_TXFILTER', 'TAP_FILTER', 'SOCKET_FILTER', 'NOMEM', 'SKB_UCOPY_FAULT'] as const;
/** Reasons that have a slot, because they are frequent, but no series until the first drop. */
const OTHER_REASONS = ['PFMEMALLOC', 'SECURITY_HOOK', 'NOT_SPECIFIED'] as const;

/** Reasons of packets that are dropped when their route is known, and their output device is not yet skb->dev. */
const ROUTED_REASONS = ['NETFILTER_DROP', 'PKT_TOO_BIG'] as const;

/** Reasons of packets that the host drops because of where they come from, or because it knows no way for them. */
const UNROUTED_REASONS = [
  'IP_RPFILTER',
  'IP_INNOROUTES',
  'IP_OUTNOROUTES',
  'IP_INADDRERRORS',
  'IP_INVALID_SOURCE',
  'IP_LOCAL_SOURCE',
  'IP_INVALID_DEST',
  'IP_LOCALNET',
  'TC_INGRESS',
] as const;

type Enums = Pick<Btf, 'enumValues'>;

export interface ReasonNames {
  /** Name of a reason number; `unknown_<n>` for one that the kernel's BTF does not name. */
  readonly name: (reason: number) => string;
  readonly number: (name: string) => number | undefined;
  readonly all: readonly string[];
}

export interface DropReasons extends ReasonNames {
  /** Names of the slots of `struct row.dropped`; '' is the slot of all that have none. */
  readonly slotNames: readonly string[];
  /** Slots that a snapshot has even when 0: all that tun_net_xmit itself drops for. */
  readonly alwaysShown: readonly number[];
  /** Value of the BPF object's `reason_slots`: reason number to slot. */
  readonly slotTable: Uint8Array;
}

/**
 * Reads the kernel's enums, and from the BPF object those slots that have a fixed meaning (enum reason_slot). A kernel
 * without reasons (before 5.17) leaves every drop FULL_RING or UNTRACED.
 */
export function readDropReasons(kernel: Btf, modules: readonly Btf[], object: Btf): DropReasons {
  const names = readReasonNames(kernel, modules);
  const slotNames = fixedSlots(object);
  const slotTable = new Uint8Array(256).fill(slotNames.indexOf(''));
  assignSlot(slotTable, names.number('FULL_RING'), slotNames.indexOf('FULL_RING'));
  for (const name of [...TUN_REASONS, ...OTHER_REASONS]) {
    const number = names.number(name);
    if (number === undefined || slotNames.length >= SLOTS) continue;
    assignSlot(slotTable, number, slotNames.length);
    slotNames.push(name);
  }
  const shown: readonly string[] = [...FULL_RING_REASONS, ...TUN_REASONS];
  return {
    ...names,
    slotNames,
    alwaysShown: slotNames.flatMap((name, slot) => (shown.includes(name) ? [slot] : [])),
    slotTable,
  };
}

/** Reasons by which the host has no use for a packet: one that goes to many at once is meant for others, and is not lost. */
const UNWANTED_REASONS = [
  'NO_SOCKET',
  'OTHERHOST',
  'UNHANDLED_PROTO',
  'PTYPE_ABSENT',
  'IP_NOPROTO',
  'IP_INADDRERRORS',
  'IP_INNOROUTES',
  'IP_OUTNOROUTES',
  'IP_INVALID_DEST',
  'IP_LOCALNET',
  'IPV6DISABLED',
  'INVALID_PROTO',
  'NO_TX_TARGET',
  'IPV6_NDISC_NS_OTHERHOST',
] as const;

const ROUTED = 1; // enum reason_flag in bpf/drops/routed.bpf.h
const UNWANTED = 2;
const UNROUTED = 4;
const UNNAMED = 8;
const CLOSED = 16;
/** What stands for the reason where the kernel gives none; of a kernel that does it is SKB_NOT_DROPPED_YET. */
const NO_REASON = 0;

/** Value of a BPF object's `reason_flags`, by reason number. */
export function reasonFlags({ number }: ReasonNames): Uint8Array {
  const table = new Uint8Array(256);
  const flag = (names: readonly string[], bit: number): void => {
    for (const name of names) {
      const reason = number(name);
      if (reason !== undefined) assignSlot(table, reason, (table[reason] ?? 0) | bit);
    }
  };
  flag(ROUTED_REASONS, ROUTED);
  flag(UNROUTED_REASONS, UNROUTED);
  flag(UNWANTED_REASONS, UNWANTED);
  flag(['QUEUE_PURGE', 'SOCKET_CLOSE'], CLOSED);
  assignSlot(table, number('NOT_SPECIFIED') ?? NO_REASON, UNNAMED);
  return table;
}

/** `modules`: types of those that have reasons of their own. */
export function readReasonNames(kernel: Enums, modules: readonly Enums[]): ReasonNames {
  const reasons = [...subsystemReasons([kernel, ...modules]), ...coreReasons(kernel)];
  const names = new Map(reasons);
  const numbers = new Map(reasons.map(([number, name]) => [name, number]));
  const none = reasons.length === 0 ? 'NOT_SPECIFIED' : undefined;
  return {
    name: (reason) => names.get(reason) ?? none ?? `unknown_${reason}`,
    number: (name) => numbers.get(name),
    all: [...numbers.keys()],
  };
}

function fixedSlots(object: Btf): string[] {
  const slots = object.enumValues('reason_slot') ?? [];
  return slots
    .filter(({ name }) => name !== 'REASON_FIRST_NAMED')
    .map(({ name }) => (name === 'REASON_RARE' ? '' : name.replace('REASON_', '')));
}

function assignSlot(table: Uint8Array, reason: number | undefined, slot: number): void {
  if (reason !== undefined && reason >= 0 && reason < table.length) table[reason] = slot;
}

function coreReasons(kernel: Enums): readonly (readonly [number, string])[] {
  const values = kernel.enumValues('skb_drop_reason') ?? [];
  return values.map(({ name, value }) => [value, name.replace(/^SKB_(DROP_REASON_)?/, '')] as const);
}

/** Their enums, and what we write for the beginning of each name. Only that of the qdiscs lies in the kernel's own BTF. */
const SUBSYSTEMS = [
  ['qdisc_drop_reason', /^QDISC_DROP_/, 'QDISC_'],
  ['ovs_drop_reason', /^OVS_DROP_/, 'OVS_'],
  ['mac80211_drop_reason', /^RX_DROP_/, 'MAC80211_'],
] as const;

/** Reasons of subsystems carry the subsystem's number in the high 16 bits. */
function subsystemReasons(types: readonly Enums[]): readonly (readonly [number, string])[] {
  return SUBSYSTEMS.flatMap(([reasons, prefix, ours]) => {
    const values = types.flatMap((one) => one.enumValues(reasons) ?? []);
    return values.map(({ name, value }) => [value >>> 0, name.replace(prefix, ours)] as const);
  });
}
