// SPDX-License-Identifier: Apache-2.0
// Where the packets of one device went, both ways: rows that add up to the kernel's own counters, or say how many have no known fate.
import type { DeviceCounters, OtherDrop } from '../snapshot/device.ts';
import { receivedFrom, unexplainedReceive } from './evidence/from-guest.ts';
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
/** Instructions that a packet costs more while a question is open, at most, and one that a bridge sends on (Linux 7.3; lab/cost clocks them). */
export const ASKED_PRICE = { packet: 360, bridged: 1100 };

export const UNDER_WAY = 64;

const LOST = { isLost: true } as const;

/** undefined: the kernel's counters of the device were not read. */
export function ledgerOf(device: DeviceSpan): Ledger | undefined {
  if (device.before.macvtap && device.now.macvtap) return { ...ofMacvtap(device), refused: refused(device) };
  if (!device.before.counters || !device.now.counters) return undefined;
  return { to: towards(device), from: passedOn(device), refused: refused(device) };
}

/** It receives what is for its guest, and transmits what comes from it; where reads are not counted, what it delivered is the rest. */
function ofMacvtap(device: DeviceSpan): Pick<Ledger, 'to' | 'from'> {
  const of = (counter: 'offered' | 'delivered' | 'written' | 'refused'): number | undefined =>
    grown(device, ({ macvtap }) => macvtap?.[counter]);
  const total = of('offered') ?? 0;
  const lost = dropped(device, 'lost in it', ({ macvtap }) => macvtap?.dropped ?? []);
  const waiting = waitingIn(device.now) - waitingIn(device.before);
  const rest = total - sumOf(lost) - waiting;
  const delivered = of('delivered');
  const to = shown([
    { fate: 'delivered to its guest or reader', packets: delivered ?? Math.max(0, rest) },
    { fate: waiting < 0 ? 'had waited before' : 'wait in its ring', packets: waiting },
    ...lost,
  ]);
  const byHost = dropped(device, 'dropped on its way out', ({ macvtap }) => macvtap?.sendDrops?.dropped ?? []);
  const written = receivedFrom(device);
  // Each packet that the device below refuses is freed: where that is followed, it is a row by its reason.
  const refusals = byHost.length > 0 ? 0 : (of('refused') ?? 0);
  const from = shown([
    { fate: 'sent on by the device below it', packets: Math.max(0, written - refusals - sumOf(byHost)) },
    { fate: 'refused by the device below it', packets: refusals, ...LOST },
    ...byHost,
  ]);
  return {
    to: { total, rows: to, unaccounted: delivered === undefined ? 0 : Math.max(0, rest - delivered) },
    from: { total: sumOf(from), rows: from, unaccounted: 0 },
  };
}

function towards(device: DeviceSpan): LedgerColumn {
  const inTun = reasonsIn(device);
  const before = dropped(device, 'lost before it', ({ otherDropped = [] }) => otherDropped);
  const discarded = device.now.uncounted.flatMap(({ cause }) => {
    if (cause === 'bad_header') return [];
    const packets = grown(device, ({ uncounted }) => uncounted.find((one) => one.cause === cause)?.packets ?? 0) ?? 0;
    return { fate: `lost after it was counted: ${cause.replaceAll('_', ' ')}`, packets, ...LOST };
  });
  // Of several queues the device alone has what no program saw.
  const unseen = grown(device, ({ unseen: hidden }) => (hidden?.split === undefined ? 0 : hidden.dropped)) ?? 0;
  const waiting = waitingIn(device.now) - waitingIn(device.before);
  const standing = (device.now.backlog?.packets ?? 0) - (device.before.backlog?.packets ?? 0);
  const elsewhere = [...new Set((device.now.surroundings?.lost ?? []).map((drop) => drop.device))].flatMap((at) =>
    dropped(device, `lost on its way, at ${at}`, ({ surroundings }) =>
      (surroundings?.lost ?? []).filter((drop) => drop.device === at),
    ),
  );
  const rows = shown([
    { fate: 'delivered to its guest or reader', packets: since(device, 'txPackets') },
    { fate: waiting < 0 ? 'had waited before' : 'wait in its ring', packets: waiting },
    { fate: standing < 0 ? 'had stood in its qdisc' : 'stand in its qdisc', packets: standing },
    ...inTun,
    { fate: 'lost in it: only the kernel counted them', packets: unseen, ...LOST },
    ...before,
    ...elsewhere,
    ...discarded,
  ]);
  // tx_dropped has those that tun dropped, and of the others before it those that the core counts for the device.
  const unaccounted = Math.max(0, since(device, 'txDropped') - sumOf(inTun) - unseen - sumOf(before));
  return { total: sumOf(rows) + unaccounted, rows, unaccounted };
}

function passedOn(device: DeviceSpan): LedgerColumn {
  const total = since(device, 'rxPackets');
  const byHost = dropped(device, 'dropped by the host', ({ receive }) => receive?.refusedByHost ?? []);
  const lost = sumOf(byHost);
  const unaccounted = Math.min(unexplainedReceive(device), Math.max(0, total - lost));
  const ways = sentOn(device);
  const rest = total - lost - unaccounted - sumOf(ways.rows);
  const kept = ways.sinceBegin ? KEPT : KEPT_OR_SENT;
  const rows = shown([
    // A packet that the host splits or copies may be dropped more often than it came, or dropped and sent on.
    { fate: rest < 0 ? 'copies and parts among these' : kept, packets: rest },
    ...withLosses(ways.rows, device),
    ...byHost,
  ]);
  return { total, rows, unaccounted };
}

/** What was sent on and lost behind that device is a row of its own, and no more in that of the device. */
function withLosses(ways: readonly LedgerRow[], device: DeviceSpan): readonly LedgerRow[] {
  const beyond = (device.now.lostBeyond ?? []).map((drop) => drop.beyond?.sentBy);
  return [...new Set(beyond)].reduce<readonly LedgerRow[]>((rows, sentBy) => {
    const behind = dropped(device, `sent on by ${sentBy}, then lost`, ({ lostBeyond = [] }) =>
      lostBeyond.filter((drop) => drop.beyond?.sentBy === sentBy),
    );
    const arrived = rows.map((row) =>
      row.fate === sentOnBy(sentBy) ? { ...row, packets: Math.max(0, row.packets - sumOf(behind)) } : row,
    );
    return [...arrived, ...behind];
  }, ways);
}

function sentOnBy(device: string | undefined): string {
  return `sent on by ${device}`;
}

/** Packets of the window that the host took for itself; 0: that is not known. */
export function keptByHost(device: DeviceSpan): number {
  return ledgerOf(device)?.from.rows.find(({ fate }) => fate === KEPT || fate === KEPT_OR_SENT)?.packets ?? 0;
}

/** By subtraction. What a VLAN device or a bridge of the host passes on has come by that device, for the kernel. */
const KEPT_OR_SENT = 'taken by the host or sent on by it';
const KEPT = 'kept by the host: its sockets, or a device of its own on top (a bridge, a VLAN)';

/** What the host sent on, since a person asks; `sinceBegin`: in all of the window. */
function sentOn({ steps, now }: DeviceSpan): { readonly rows: readonly LedgerRow[]; readonly sinceBegin: boolean } {
  const first = steps.find(({ sentOn }) => sentOn)?.sentOn;
  if (!first || !now.sentOn) return { rows: [], sinceBegin: false };
  const rows = now.sentOn.map(({ device, ports, packets }) => {
    const before = first.find((one) => one.device === device && one.ports === ports)?.packets ?? 0;
    const fate = device === undefined ? `copied to ${ports} devices` : sentOnBy(device);
    // Counting may have begun anew meanwhile.
    return { fate, packets: packets >= before ? packets - before : packets };
  });
  return { rows, sinceBegin: steps[0]?.sentOn === first };
}

function refused(device: DeviceSpan): readonly LedgerRow[] {
  const byTun = dropped(device, 'freed by tun', ({ receive }) => receive?.dropped ?? []);
  const writes = (device.now.receive?.refused ?? []).map(({ errno }) => ({
    fate: `writes that failed with ${errno}`,
    packets: grown(device, ({ receive }) => receive?.refused?.find((one) => one.errno === errno)?.writes ?? 0) ?? 0,
  }));
  return shown([...byTun, ...writes]);
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

/** A row for each kind of drop; the host has no use for some that go to many at once, and these are no loss. */
function dropped(
  device: DeviceSpan,
  fate: string,
  dropsOf: (state: DeviceSpan['now']) => readonly OtherDrop[],
): readonly LedgerRow[] {
  return dropsOf(device.now).map((drop) => {
    const isSame = (one: OtherDrop): boolean =>
      one.reason === drop.reason &&
      one.location === drop.location &&
      one.unwanted === drop.unwanted &&
      one.beyond?.netns === drop.beyond?.netns;
    return {
      fate: `${drop.unwanted ? 'for others, and freed by the host' : fate}: ${drop.reason} in ${drop.location}`,
      packets: grown(device, (state) => dropsOf(state).find(isSame)?.packets ?? 0) ?? 0,
      ...(!drop.unwanted && LOST),
    };
  });
}

function sumOf(rows: readonly LedgerRow[]): number {
  return rows.reduce((sum, { packets }) => sum + packets, 0);
}

function shown(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  return rows.filter(({ packets }) => packets !== 0);
}
