// SPDX-License-Identifier: Apache-2.0
// Losses from the guest or writer, by the kernel's counters and by packets that the probes saw freed.

import type { Device, OtherDrop } from '../../snapshot/device.ts';
import { type DeviceSpan, grown } from '../window.ts';
import { type Loss, lossOf } from './loss.ts';

const XDP_FUNCTIONS: readonly string[] = ['do_xdp_generic', 'netif_receive_generic_xdp', 'bpf_prog_run_generic_xdp'];
/** Reasons of drops behind tun that rx_dropped has too (__netif_receive_skb_core, enqueue_to_backlog). */
const IN_RX_DROPPED: readonly string[] = ['UNHANDLED_PROTO', 'PTYPE_ABSENT', 'CPU_BACKLOG'];

export function isXdpDrop({ reason, location }: OtherDrop): boolean {
  return reason === 'XDP' || (reason === 'NOT_SPECIFIED' && XDP_FUNCTIONS.includes(location));
}

/** Freed by the host behind tun, or while a person asks on the way out of a macvtap, or behind a veth or a tunnel. */
export function hostDrops({ receive, macvtap, lostBeyond = [] }: Device): readonly OtherDrop[] | undefined {
  const known = macvtap ? macvtap.sendDrops?.dropped : receive?.refusedByHost;
  return lostBeyond.length === 0 ? known : [...(known ?? []), ...lostBeyond];
}

export function refusedByHost(device: DeviceSpan, wanted: (drop: OtherDrop) => boolean): number {
  const sumOf = (state: Device): number | undefined =>
    hostDrops(state)?.reduce((sum, drop) => (wanted(drop) ? sum + drop.packets : sum), 0);
  return grown(sinceCounted(device), sumOf) ?? 0;
}

export function receivedFrom(device: DeviceSpan): number {
  if (!device.now.macvtap) return grown(device, ({ counters }) => counters?.rxPackets) ?? 0;
  const sentOf = ({ macvtap }: Device): number | undefined =>
    macvtap && macvtap.written + (macvtap.refused ?? 0) + (macvtap.sendDrops?.beforeCounted ?? 0);
  return grown(sinceCounted(device), sentOf) ?? 0;
}

/** What a macvtap sends is followed only while a person asks: the part of the window in which it was. */
function sinceCounted({ before, now, steps }: DeviceSpan): Pick<DeviceSpan, 'before' | 'now'> {
  if (!now.macvtap?.sendDrops) return { before, now };
  return { before: steps.find(({ macvtap }) => macvtap?.sendDrops) ?? before, now };
}

/** The part of rx_dropped that no probe saw freed: XDP in tun frees no packet that a tracepoint sees. */
export function unexplainedReceive(device: DeviceSpan): number {
  const dropped = grown(device, ({ counters }) => counters?.rxDropped) ?? 0;
  const byTun = grown(device, ({ receive }) => receive?.dropped?.reduce((sum, { packets }) => sum + packets, 0)) ?? 0;
  return Math.max(
    0,
    dropped - byTun - refusedByHost(device, ({ reason, beyond }) => !beyond && IN_RX_DROPPED.includes(reason)),
  );
}

/** Counters and probes are read one after the other: so few, and this share, may be between the two readings. */
const READ_BETWEEN = 10;
const READ_BETWEEN_SHARE = 0.02;

/** The same; 0: no more than may be between two readings. */
export function hiddenReceive(device: DeviceSpan): number {
  const hidden = unexplainedReceive(device);
  return hidden > Math.max(READ_BETWEEN, READ_BETWEEN_SHARE * (receivedFrom(device) + hidden)) ? hidden : 0;
}

/** Although all was measured that could explain it. What no probe sees of an XDP program in tun is its work, and on purpose. */
export function isHiding(device: DeviceSpan): boolean {
  const { dropped, refusedByHost } = device.now.receive ?? {};
  const isMeasured = dropped !== undefined && refusedByHost !== undefined;
  return isMeasured && !hasNativeXdp(device) && hiddenReceive(device) > 0;
}

function hasNativeXdp({ now }: DeviceSpan): boolean {
  return (now.receive?.xdp?.native ?? 0) > 0;
}

/** Losses by an XDP program that is in tun now, and by one behind it. */
export function xdpLoss(device: DeviceSpan): Loss {
  const native = hasNativeXdp(device) ? unexplainedReceive(device) : 0;
  const generic = refusedByHost(device, isXdpDrop);
  // Packets that generic XDP drops have passed tun's own counter.
  return lossOf(native + generic, Math.max(0, receivedFrom(device) - generic), device.seconds);
}
