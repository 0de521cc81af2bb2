// SPDX-License-Identifier: Apache-2.0
// Kinds of drops, by the kernel's names for reason and function.
import type { OtherDrop } from '../../snapshot/device.ts';
import { count } from '../format.ts';
import { QDISC_ROWS } from '../reasons/traffic-rows.ts';
import type { DeviceSpan } from '../window.ts';
import { dropsTowards, lossBefore } from './loss.ts';

/** A packet of another clock's time: QDISC_HORIZON_LIMIT since the qdiscs have reasons of their own. */
const HORIZON: readonly string[] = ['FQ_HORIZON_LIMIT', 'QDISC_HORIZON_LIMIT'];

export function isHorizonDrop({ reason, device }: OtherDrop): boolean {
  return device === undefined && HORIZON.includes(reason);
}

/** In its own qdisc: QDISC_DROP, QDISC_OVERLIMIT, QDISC_CONGESTED, FQ_BAND_LIMIT, FQ_FLOW_LIMIT, CAKE_FLOOD, … */
export function isQdiscDrop(drop: OtherDrop): boolean {
  if (drop.device !== undefined) return false;
  return (Object.hasOwn(QDISC_ROWS, drop.reason) && !isHorizonDrop(drop)) || isManagedDrop(drop);
}

const MANAGED: readonly string[] = ['QDISC_CONGESTED', 'QDISC_L4S_STEP_NON_ECN', 'DUALPI2_STEP_DROP'];

/** Dropped to keep the queue short, not because it was full; Linux 6.1 and 6.12 have no reason for it. */
export function isManagedDrop({ reason, location }: OtherDrop): boolean {
  return MANAGED.includes(reason) || (reason === 'NOT_SPECIFIED' && /codel_|^cake_|^drop_func$/.test(location));
}

/** A qdisc was replaced or deleted with packets in it, or reset. */
export function isQdiscReset({ location }: OtherDrop): boolean {
  return location === '__rtnl_unlock' || location === 'qdisc_reset_queue';
}

/** Where a frame leaves the bridge by a port; the br_nf_ ones where br_netfilter is on. */
const BRIDGE_EXITS: readonly string[] = [
  'br_dev_queue_push_xmit',
  'br_forward_finish',
  'br_nf_dev_queue_xmit',
  'br_nf_ip_fragment',
];

/** The bridge drops a frame that is too long for the port by which it leaves. */
export function isBridgeDrop({ location, reason }: OtherDrop): boolean {
  return BRIDGE_EXITS.includes(location) && ['NOT_SPECIFIED', 'PKT_TOO_BIG'].includes(reason);
}

/** br_netfilter refuses packets that it cannot follow in nf_hook_slow too, with reasons of their own. */
export function isFirewallDrop({ reason, location }: OtherDrop): boolean {
  return reason === 'NETFILTER_DROP' || (reason === 'NOT_SPECIFIED' && location === 'nf_hook_slow');
}

/** Where they are freed before Linux 5.17, which has no reasons. */
const NEIGHBOUR_ERRORS: readonly string[] = ['neigh_probe', 'arp_error_report', 'ndisc_error_report'];

/** The host asked for a MAC address behind the device, and no answer came. */
export function isUnansweredDrop({ reason, location }: OtherDrop): boolean {
  return reason === 'NEIGH_FAILED' || (reason === 'NOT_SPECIFIED' && NEIGHBOUR_ERRORS.includes(location));
}

/** It asks, and no answer has come yet: what does not fit the queue that waits for it is lost at once. */
export function isNeighbourDrop(drop: OtherDrop): boolean {
  return drop.reason === 'NEIGH_QUEUEFULL' || isUnansweredDrop(drop);
}

/** Drops of packet sockets that bypass the qdisc. */
export function isPastQdisc({ location }: OtherDrop): boolean {
  return location === 'packet_xmit' || location === 'packet_direct_xmit';
}

/** Filters in tun, which the owner of the file descriptor can set. */
export const FILTERS: Readonly<Record<string, string>> = {
  TAP_TXFILTER: 'its list of MAC addresses (TUNSETTXFILTER)',
  SOCKET_FILTER: 'its packet filter (TUNATTACHFILTER)',
  TAP_FILTER: 'its eBPF filter (TUNSETFILTEREBPF)',
};

/** 'QDISC_OVERLIMIT 1 200, FQ_BAND_LIMIT 3', of those that `wanted` chooses. */
export function reasonsOf(device: DeviceSpan, wanted: (drop: OtherDrop) => boolean): string {
  const names = new Set((dropsTowards(device.now) ?? []).filter(wanted).map(({ reason }) => reason));
  return [...names]
    .map((name) => ({ name, lost: lossBefore(device, (drop) => wanted(drop) && drop.reason === name)?.lost ?? 0 }))
    .filter(({ lost }) => lost > 0)
    .map(({ name, lost }) => `${name} ${count(lost)}`)
    .join(', ');
}

/** The functions that freed them, of those that `wanted` chooses. */
export function locationsOf({ now }: DeviceSpan, wanted: (drop: OtherDrop) => boolean): string {
  return [...new Set((dropsTowards(now) ?? []).filter(wanted).map(({ location }) => location))].join(', ');
}
