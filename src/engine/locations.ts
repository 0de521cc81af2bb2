// SPDX-License-Identifier: Apache-2.0
// What a function that frees packets means; where it lies is looked up in the running kernel's symbols.
import type { Btf } from '../kernel/native.ts';
import type { Symbols, TextRange } from '../kernel/symbols.ts';

/** The members of enum location_class (bpf/drops/location.bpf.h) that functions are given, without their prefix. */
type LocationClass =
  | 'TRANSMIT'
  | 'PURGED'
  | 'RESIZED'
  | 'FAILED'
  | 'OVERFLOWED'
  | 'WRITTEN'
  | 'MACVTAP'
  | 'RECEIVE'
  | 'RECEIVED'
  | 'SNIFFER'
  | 'BEFORE'
  | 'UNROUTED'
  | 'HARMLESS';

export type MacvtapMeaning = 'dropped' | 'failed' | 'purged' | 'resized' | 'written';

/** What it means that one of the tap module's functions frees a packet. */
export const MACVTAP_LOCATIONS: Readonly<Record<string, MacvtapMeaning>> = {
  tap_handle_frame: 'dropped',
  tap_do_read: 'failed',
  tap_recvmsg: 'failed',
  tap_sock_destruct: 'purged',
  tap_queue_resize: 'resized',
  tap_get_user: 'written',
  tap_sendmsg: 'written',
};

/** Drop what has waited for too long when it is dequeued. */
const MANAGED_LOCATIONS: readonly string[] = [
  'fq_codel_dequeue',
  '__fq_codel_dequeue',
  'codel_qdisc_dequeue',
  '__codel_qdisc_dequeue',
  'drop_func', // CoDel's, where it is not part of these
  'cake_dequeue',
];

/** A socket is closed, with packets in its queues: they had arrived. */
const SOCKET_ENDS: readonly string[] = [
  'skb_queue_purge_reason',
  'skb_queue_purge', // before Linux 6.5
  'inet_sock_destruct',
  'sk_stream_kill_queues',
  'udp_destruct_common',
];

/** Free packets that did what they were made for, without a reason: from-guest.kernel.test.ts sends such. */
const HARMLESS_LOCATIONS: readonly string[] = [
  'pktgen_thread_worker', // its own packet, sent many times
  'pktgen_xmit', // the same, where the compiler kept it a function of its own (Linux 6.12.118)
  'pktgen_stop_device',
  'pktgen_rem_one_if',
  // The parts of a packet that was freed.
  'kfree_skb_list',
  'kfree_skb_list_reason',
  'skb_release_data',
  // The last segments of a connection: in TIME_WAIT, and the acknowledgement of a FIN.
  'tcp_v4_rcv',
  'tcp_v6_rcv',
  'tcp_rcv_state_process',
  'tcp_drop_reason', // where the compiler kept it a function of its own
  'unix_release_sock', // datagrams of processes of this host
];

/** Modules lie above the kernel's own text. */
const KERNEL_END = '_etext';
/** The linker places `net/` as one, behind the drivers and up to the end; these are of its first file, net/socket.c. */
const NETWORK_BEGINS: readonly string[] = ['sock_release', 'sock_recvmsg', 'sock_sendmsg'];
/** In drivers/net, and in every kernel. */
const LAST_OF_DRIVERS = 'loopback_xmit';
/** The classes before CLASS_RECEIVE: the BPF object sees these as its own. */
const OWN_CLASSES: readonly LocationClass[] = [
  'TRANSMIT',
  'PURGED',
  'RESIZED',
  'FAILED',
  'OVERFLOWED',
  'WRITTEN',
  'MACVTAP',
];

const FUNCTIONS: Readonly<Record<string, LocationClass>> = {
  tun_net_xmit: 'TRANSMIT',
  tun_queue_purge: 'PURGED',
  __tun_detach: 'PURGED',
  tun_device_event: 'RESIZED',
  tun_attach: 'RESIZED',
  tun_do_read: 'FAILED',
  tun_recvmsg: 'FAILED',
  tun_get_user: 'WRITTEN',
  tun_sendmsg: 'WRITTEN', // tun_xdp_one is part of it
  // These run before the stack proper, where skb_iif is not set yet.
  enqueue_to_backlog: 'RECEIVED',
  netif_rx_internal: 'RECEIVED',
  do_xdp_generic: 'RECEIVED',
  netif_receive_generic_xdp: 'RECEIVED',
  bpf_prog_run_generic_xdp: 'RECEIVED',
  ...Object.fromEntries(SOCKET_ENDS.map((name) => [name, 'RECEIVE' as const])),
  packet_rcv: 'SNIFFER',
  packet_rcv_spkt: 'SNIFFER',
  tpacket_rcv: 'SNIFFER',
  // These drop without a reason (NOT_SPECIFIED) on the way to a device, broadcasts too, and also where they belong to a module.
  __dev_queue_xmit: 'BEFORE',
  __dev_direct_xmit: 'BEFORE',
  packet_xmit: 'BEFORE',
  packet_direct_xmit: 'BEFORE',
  validate_xmit_skb: 'BEFORE',
  __rtnl_unlock: 'BEFORE', // a qdisc was replaced with packets in it
  nf_hook_slow: 'BEFORE',
  // A route that leads nowhere on purpose.
  ip_error: 'UNROUTED',
  ip6_pkt_drop: 'UNROUTED',
  dst_discard: 'UNROUTED',
  dst_discard_out: 'UNROUTED',
  ...Object.fromEntries(HARMLESS_LOCATIONS.map((name) => [name, 'HARMLESS' as const])),
  // Functions of modules that may come later. They are last, so that no range before them changes its place in the map.
  vhost_net_buf_unproduce: 'OVERFLOWED', // tun_ptr_free ends in a jump, so the location is its caller
  br_dev_queue_push_xmit: 'BEFORE', // bridge: the frame is longer than the port's MTU
  br_forward_finish: 'BEFORE',
  // The same where br_netfilter is on: it cuts what may be cut, and frees what may not.
  br_nf_dev_queue_xmit: 'BEFORE',
  br_nf_ip_fragment: 'BEFORE',
  br_nf_post_routing: 'BEFORE',
  br_nf_forward_finish: 'BEFORE',
  __br_forward: 'BEFORE',
  // Queue managements, whose drops have a reason of their own only since QDISC_CONGESTED.
  ...Object.fromEntries(MANAGED_LOCATIONS.map((name) => [name, 'BEFORE' as const])),
  ...Object.fromEntries(Object.keys(MACVTAP_LOCATIONS).map((name) => [name, 'MACVTAP' as const])),
};

/** Drop what a guest or writer sent. */
export const WRITE_LOCATIONS = functionsOf('WRITTEN');

/** Drop what a packet socket sends past the qdisc into a queue that is stopped. */
export const STOPPED_LOCATIONS: readonly string[] = ['packet_xmit', 'packet_direct_xmit'];

/** Modules beside tun that have some of these functions. */
export const LOCATION_MODULES: readonly string[] = [
  'vhost_net',
  'bridge',
  'br_netfilter',
  'tap',
  'macvtap',
  'ipvtap',
  'sch_codel',
  'sch_fq_codel',
  'sch_cake',
];

/** Every function that this file looks up. */
export const LOCATION_SYMBOLS: readonly string[] = [
  ...Object.keys(FUNCTIONS),
  ...NETWORK_BEGINS,
  LAST_OF_DRIVERS,
  KERNEL_END,
];

interface ClassifiedRange extends TextRange {
  readonly class: number;
}

/** Below it lies none of what frees packets of tun and tap, of modules that come later neither. */
export function ownTextFrom(symbols: Symbols | undefined): bigint {
  const own = functionsOf(...OWN_CLASSES).flatMap((name) => symbols?.ranges(name).map(({ start }) => start) ?? []);
  const built = symbols?.address(KERNEL_END) ?? 0n;
  return own.reduce((lowest, start) => (start < lowest ? start : lowest), built);
}

/** Where the kernel gives no drop reasons: what is dropped here for its source has no way to a device. */
const WITHOUT_REASONS: Readonly<Record<string, LocationClass>> = { ip_rcv_finish_core: 'UNROUTED' };

/** Text ranges of all functions above that this kernel has, compiler-made parts included; classes numbered as in the BPF object. */
export function classifyText(symbols: Symbols, object: Btf, dropReasons: boolean): readonly ClassifiedRange[] {
  const classes = new Map(object.enumValues('location_class')?.map(({ name, value }) => [name, value]));
  const functions = dropReasons ? FUNCTIONS : { ...FUNCTIONS, ...WITHOUT_REASONS };
  const numbered = (ranges: readonly TextRange[], kind: string): readonly ClassifiedRange[] =>
    ranges.map((range) => ({ ...range, class: classes.get(`CLASS_${kind}`) ?? 0 }));
  // The last that has an address decides.
  return [
    ...numbered(networkText(symbols), 'NETWORK'),
    ...Object.entries(functions).flatMap(([name, kind]) => numbered(symbols.ranges(name), kind)),
  ];
}

/** The network stack within the kernel proper; none where the linker placed it otherwise, and only known functions are judged. */
function networkText(symbols: Symbols): readonly TextRange[] {
  const begins = NETWORK_BEGINS.flatMap((name) => symbols.address(name) ?? []);
  const [start] = begins.sort((a, b) => Number(a - b));
  const [end, driver] = [symbols.address(KERNEL_END), symbols.address(LAST_OF_DRIVERS)];
  if (start === undefined || end === undefined || driver === undefined || !(driver < start && start < end)) return [];
  return [{ start, length: Number(end - start) }];
}

function functionsOf(...wanted: readonly LocationClass[]): readonly string[] {
  return Object.entries(FUNCTIONS).flatMap(([name, kind]) => (wanted.includes(kind) ? [name] : []));
}

interface Drop {
  /** The kernel's drop reason without its prefix. */
  readonly reason: string;
  /** The kernel function that freed the packet. */
  readonly location: string | undefined;
}

/** QDISC_DROP (or GENERIC), which every qdisc can have, is the core's own where there is no reader (noop_enqueue, on Linux 6.12 and later). */
const NEVER_REASON = /^(QDISC_(?!(DROP|GENERIC)$)\w+|FQ_\w+|CAKE_\w+|TC_EGRESS|NETFILTER_DROP)$/;

const NEVER_LOCATION: ReadonlySet<string | undefined> = new Set([
  ...MANAGED_LOCATIONS,
  ...STOPPED_LOCATIONS,
  '__rtnl_unlock',
  'qdisc_reset_queue',
  'tcf_qevent_handle',
  'nf_hook_slow',
  'neigh_probe',
]);

/** The bridge and routing are done with a packet before the core has it. */
const ABOVE = /^(br|ip|ip6)_/;

/** Whether tx_dropped may have it: reason and function are not always enough to tell. */
export function mayBeInTxDropped({ reason, location }: Drop): boolean {
  return !NEVER_REASON.test(reason) && !NEVER_LOCATION.has(location) && !ABOVE.test(location ?? '');
}
