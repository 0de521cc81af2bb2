// SPDX-License-Identifier: Apache-2.0
// Where the packets of one device went, both ways: rows that add up to the kernel's own counters, or say how many have no known fate.
import type { DeviceCounters, OtherDrop } from '../snapshot/device.ts';
import { refusedByHost, unexplainedReceive } from './evidence/from-guest.ts';
import { type DeviceSpan, grown } from './window.ts';

export interface LedgerRow {
  readonly fate: string;
  /** Packets of the window, as the device counts them: a segment that the kernel splits later is one. */
  readonly packets: number;
  /** They were lost; absent: they arrived, or wait. */
  readonly isLost?: true;
}

/** Its rows and `unaccounted` add up to `total`. */
export interface LedgerColumn {
  /** Packets of the window. */
  readonly total: number;
  readonly rows: readonly LedgerRow[];
  /** Packets without a known fate: more than may be between two readings is a doubt. */
  readonly unaccounted: number;
}

export interface Ledger {
  /** To the guest or reader. */
  readonly to: LedgerColumn;
  /** From the guest or writer: what tun passed on (rx_packets). */
  readonly from: LedgerColumn;
  /** From it too, and not passed on: tun refused them. Packets, or writes of one each. */
  readonly refused: readonly LedgerRow[];
}

/** So many packets may be between the readings of two counters. */
export const UNDER_WAY = 64;

const LOST = { isLost: true } as const;

/** undefined: the kernel's counters of the device were not read. */
export function ledgerOf(device: DeviceSpan): Ledger | undefined {
  if (!device.before.counters || !device.now.counters) return undefined;
  return { to: towards(device), from: passedOn(device), refused: refused(device) };
}

function towards(device: DeviceSpan): LedgerColumn {
  const inTun = reasonsIn(device);
  const before = (device.now.otherDropped ?? []).map((drop) => ({
    fate: `lost before it: ${reasonOf(drop)}`,
    ...LOST,
    packets: sinceThen(device, ({ otherDropped = [] }) => otherDropped, drop),
  }));
  const discarded = device.now.uncounted.flatMap(({ cause }) => {
    if (cause === 'bad_header') return [];
    const packets = grown(device, ({ uncounted }) => uncounted.find((one) => one.cause === cause)?.packets ?? 0) ?? 0;
    return { fate: `lost after it was counted: ${cause.replaceAll('_', ' ')}`, packets, ...LOST };
  });
  const counted = inTun.reduce((sum, { packets }) => sum + packets, 0);
  // Of several queues the device alone has what no program saw.
  const unseen = grown(device, ({ unseen: hidden }) => (hidden?.split === undefined ? 0 : hidden.dropped)) ?? 0;
  const waiting = waitingIn(device.now) - waitingIn(device.before);
  const standing = (device.now.backlog?.packets ?? 0) - (device.before.backlog?.packets ?? 0);
  const rows = shown([
    { fate: 'delivered to its guest or reader', packets: since(device, 'txPackets') },
    { fate: waiting < 0 ? 'had waited before' : 'wait in its ring', packets: waiting },
    { fate: standing < 0 ? 'had stood in its qdisc' : 'stand in its qdisc', packets: standing },
    ...inTun,
    { fate: 'lost in it: only the kernel counted them', packets: unseen, ...LOST },
    ...before,
    ...discarded,
  ]);
  const known = rows.reduce((sum, { packets }) => sum + packets, 0);
  // tx_dropped has those that tun dropped, and of the others before it those that the core counts for the device.
  const lost = before.reduce((sum, { packets }) => sum + packets, 0);
  const unaccounted = Math.max(0, since(device, 'txDropped') - counted - unseen - lost);
  return { total: known + unaccounted, rows, unaccounted };
}

function passedOn(device: DeviceSpan): LedgerColumn {
  const total = since(device, 'rxPackets');
  const dropped = (device.now.receive?.refusedByHost ?? []).map((drop) => ({
    fate: `dropped by the host: ${reasonOf(drop)}`,
    ...LOST,
    packets: sinceThen(device, ({ receive }) => receive?.refusedByHost ?? [], drop),
  }));
  const lost = refusedByHost(device, () => true);
  const unaccounted = Math.min(unexplainedReceive(device), Math.max(0, total - lost));
  const rest = total - lost - unaccounted;
  const rows = shown([
    // A packet that the host splits or copies may be dropped more often than it came.
    { fate: rest < 0 ? 'copies and parts among the dropped' : 'taken by the host or sent on by it', packets: rest },
    ...dropped,
  ]);
  return { total, rows, unaccounted };
}

function refused(device: DeviceSpan): readonly LedgerRow[] {
  const dropped = (device.now.receive?.dropped ?? []).map((drop) => ({
    fate: `freed by tun: ${reasonOf(drop)}`,
    ...LOST,
    packets: sinceThen(device, ({ receive }) => receive?.dropped ?? [], drop),
  }));
  const writes = (device.now.receive?.refused ?? []).map(({ errno }) => ({
    fate: `writes that failed with ${errno}`,
    packets: grown(device, ({ receive }) => receive?.refused?.find((one) => one.errno === errno)?.writes ?? 0) ?? 0,
  }));
  return shown([...dropped, ...writes]);
}

function reasonsIn({ before, now }: DeviceSpan): readonly LedgerRow[] {
  const countsOf = ({ queues }: typeof now): ReadonlyMap<string, number> => {
    const sums = new Map<string, number>();
    for (const { counters } of queues)
      for (const { reason, packets } of counters?.dropped ?? []) sums.set(reason, (sums.get(reason) ?? 0) + packets);
    return sums;
  };
  const [first, last] = [countsOf(before), countsOf(now)];
  return [...last].map(([reason, packets]) => ({
    fate: `lost in it: ${reason}`,
    ...LOST,
    packets: Math.max(0, packets - (first.get(reason) ?? 0)),
  }));
}

function waitingIn({ queues }: DeviceSpan['now']): number {
  return queues.reduce((sum, { ring }) => sum + (ring?.occupancy ?? 0), 0);
}

function since(device: DeviceSpan, counter: keyof DeviceCounters): number {
  return grown(device, ({ counters }) => counters?.[counter]) ?? 0;
}

function sinceThen(
  device: DeviceSpan,
  dropsOf: (state: DeviceSpan['now']) => readonly OtherDrop[],
  { reason, location }: OtherDrop,
): number {
  const packetsIn = (state: DeviceSpan['now']): number =>
    dropsOf(state).find((one) => one.reason === reason && one.location === location)?.packets ?? 0;
  return grown(device, packetsIn) ?? 0;
}

function reasonOf({ reason, location }: OtherDrop): string {
  return `${reason} in ${location}`;
}

function shown(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  return rows.filter(({ packets }) => packets !== 0);
}
