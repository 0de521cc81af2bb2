// SPDX-License-Identifier: Apache-2.0
// Drops without a reason (NOT_SPECIFIED, and all of a kernel before 5.17), by the kernel function that freed the packet.
// Where one function frees for several causes and the kernel does not tell, the row says all of them.

import { BRIDGE_ROWS } from './bridge-rows.ts';
import { DEVICE_ROWS, frameTypes, writtenHeader } from './device-rows.ts';
import {
  type DropRemedy,
  type DropRow,
  deviceStatistics,
  errorCounters,
  harmless,
  inGuest,
  inProgram,
  onHost,
} from './drop-row.ts';
import { IP_ROWS } from './ip-rows.ts';
import { QDISC_ROWS } from './traffic-rows.ts';

const vlans: DropRemedy = onHost(
  'bridge vlan show',
  'Shows the VLANs of each port; where a frame comes in and where it leaves, its VLAN has to be there.',
);
const ports: DropRemedy = onHost(
  'bridge -d link show',
  'Shows the ports of all bridges: state, VLANs, isolation, hairpin, locked.',
);
const vlanOfPort: DropRemedy = onHost(
  'bridge vlan show dev {device}',
  'Shows the VLANs that the port allows; untagged frames need one marked PVID.',
);

const rowsOf = (
  rows: readonly DropRow[] | undefined,
  at: readonly string[],
): readonly (readonly [string, readonly DropRow[]])[] =>
  at.map((name) => [name, (rows ?? []).filter((row) => row.at === undefined || row.at.includes(name))]);

const one = (row: DropRow): readonly DropRow[] => [row];
const same = (row: DropRow, ...at: readonly string[]): readonly (readonly [string, readonly DropRow[]])[] =>
  at.map((name) => [name, [row]]);

const addresses: DropRemedy = onHost(
  'bridge fdb show',
  'Shows behind which port the bridge knows each MAC address; one that moved is told anew by its first frame.',
);

const isolatedPort: DropRow = {
  class: 'meant',
  cause: 'its port of the bridge is isolated, and so is the port of their destination',
  port: 'isolated',
  remedies: [
    onHost(
      'bridge link set dev {device} isolated off',
      'Lets it reach all ports. Not if guests are kept apart on purpose.',
    ),
    ports,
  ],
};

const lockedPort: DropRow = {
  class: 'loss',
  cause: 'its port of the bridge takes no frames from this address: it is locked',
  remedies: [
    onHost(
      'bridge fdb show',
      'A locked port needs an entry of the guest’s address: bridge fdb add ADDRESS dev {device} master static.',
    ),
    ports,
  ],
};

const closedTarget: DropRow = {
  class: 'loss',
  cause:
    'the bridge’s port of their destination may not have them: its state, VLAN, isolation, or the port they came by',
  remedies: [ports, addresses],
};

/** Rows of drops without a reason, by function. */
export const UNNAMED_ROWS: ReadonlyMap<string, readonly DropRow[]> = new Map<string, readonly DropRow[]>([
  // Bridges.
  ...rowsOf(IP_ROWS.PKT_TOO_BIG, [
    'br_dev_queue_push_xmit',
    'br_forward_finish',
    'br_nf_dev_queue_xmit',
    'br_nf_ip_fragment',
  ]),
  ...rowsOf(BRIDGE_ROWS.NO_TX_TARGET, ['br_flood', 'br_multicast_flood']),
  ...same(
    {
      class: 'loss',
      cause: 'the VLAN that they carry, or that untagged frames are given, is not allowed on the port',
      remedies: [vlanOfPort, vlans],
    },
    '__allowed_ingress',
    'br_allowed_ingress',
  ),
  ...same(
    { class: 'loss', cause: 'the port of the bridge by which they leave is not in their VLAN', remedies: [vlans] },
    'br_handle_vlan',
    'br_pass_frame_up',
  ),
  // Where the compiler ends br_forward() with a jump, its caller is named in its place.
  ['br_forward', [isolatedPort, closedTarget]],
  [
    'br_handle_frame_finish',
    [
      isolatedPort,
      { ...lockedPort, port: 'locked' },
      {
        ...closedTarget,
        cause:
          'its bridge port is locked or closed, or that of their destination may not have them (state, VLAN, the same)',
      },
    ],
  ],
  [
    'br_handle_frame',
    one({
      class: 'loss',
      cause: 'its port of the bridge does not forward, or their source MAC address is not valid',
      remedies: [ports],
    }),
  ],
  ...same(
    {
      class: 'loss',
      cause: 'the IP layer of br_netfilter could not handle the bridged packet',
      remedies: [
        onHost(
          'sysctl net.bridge.bridge-nf-call-iptables',
          '1 lets IP rules judge bridged frames; set it to 0 only if no rule is meant for them: it opens the bridge.',
        ),
        errorCounters,
      ],
    },
    'br_nf_pre_routing_finish',
    'br_nf_pre_routing_finish_bridge',
    'br_nf_forward_finish',
    'br_nf_post_routing',
  ),
  // Virtual devices.
  ...same(
    {
      class: 'loss',
      cause: 'the device at the other end (veth, macvlan, …) is down, or its MTU is smaller than they are',
      remedies: [deviceStatistics],
    },
    '__dev_forward_skb',
    '__dev_forward_skb2',
    'dev_forward_skb',
    'veth_xmit',
    'macvlan_forward_source_one',
    'macvlan_handle_frame',
    'ipvlan_rcv_frame',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'a tc action or BPF program sends them to a device that is gone, down, or has too small an MTU',
      remedies: [
        onHost('tc -s filter show dev {device} ingress', 'Shows the actions (mirred, redirect) and where they lead.'),
        deviceStatistics,
      ],
    },
    'skb_do_redirect',
    '__bpf_redirect',
    'bpf_clone_redirect',
    'tcf_mirred_act',
    'tcf_mirred_to_dev',
    'tcf_mirred_forward',
  ),
  [
    'vlan_skb_recv',
    one({ class: 'loss', cause: 'the VLAN device that they are for is down', remedies: [deviceStatistics] }),
  ],
  [
    'vlan_do_receive',
    one({ class: 'loss', cause: 'the VLAN device that they are for is down', remedies: [deviceStatistics] }),
  ],
  ...same(
    {
      class: 'loss',
      cause: 'the tunnel by which they leave has no way to its far end, or could not wrap them',
      remedies: [
        onHost(
          'ip -d -s link show',
          'Shows each tunnel with its remote end and errors; ip route get REMOTE has to name a device.',
        ),
      ],
    },
    'ip_tunnel_xmit',
    'ip_md_tunnel_xmit',
    'ipgre_xmit',
    'gre_tap_xmit',
    'ipip_tunnel_xmit',
    'sit_tunnel_xmit',
    'ip6_tnl_start_xmit',
    'ip6gre_tunnel_xmit',
    'vxlan_xmit_one',
    'geneve_xmit',
  ),
  [
    'wg_xmit',
    one({
      class: 'loss',
      cause: 'WireGuard has no peer for their destination, or none that it can reach',
      remedies: [onHost('wg show', 'Shows each peer’s allowed addresses, endpoint and latest handshake.')],
    }),
  ],
  // The core.
  [
    '__dev_queue_xmit',
    one({
      class: 'policed',
      cause:
        'a qdisc or tc filter drops them, or the device that they leave by is down: this kernel does not tell which',
      remedies: [onHost('tc -s qdisc show', 'Shows the qdiscs of all devices, and which one drops.'), deviceStatistics],
    }),
  ],
  ...same(
    {
      class: 'loss',
      cause: 'the device by which they leave is down, gone or without a queue',
      remedies: [deviceStatistics],
    },
    '__dev_direct_xmit',
    'dev_hard_start_xmit',
    'sch_direct_xmit',
    'noop_enqueue',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'a large segment could not be cut, or a checksum not be finished, for the device by which they leave',
      remedies: [
        inGuest('ethtool -K eth0 tso off gso off tx off', 'plain packets need neither; costs CPU.'),
        deviceStatistics,
      ],
    },
    'validate_xmit_skb',
    'skb_checksum_help',
    'skb_segment',
  ),
  ...rowsOf(DEVICE_ROWS.XDP, ['do_xdp_generic', 'netif_receive_generic_xdp', 'bpf_prog_run_generic_xdp']),
  ...rowsOf(DEVICE_ROWS.CPU_BACKLOG, ['enqueue_to_backlog', 'netif_rx_internal']),
  ...rowsOf(DEVICE_ROWS.UNHANDLED_PROTO, [
    '__netif_receive_skb_core',
    'netif_receive_skb_core',
    '__netif_receive_skb_one_core',
  ]),
  [
    'tun_net_xmit',
    one({
      class: 'loss',
      cause: 'tun could not take them: a queue that is not open, a full ring, a filter, or no memory',
      remedies: [onHost('ip -d -s link show dev {device}', 'Shows the queues that are attached, and the drops.')],
    }),
  ],
  ...same(
    {
      class: 'loss',
      cause: 'tun could not take what was written: too short, no IP, or no memory',
      remedies: [inProgram('A fault of the program that writes, or of its far end: both have to be tun or both tap.')],
    },
    'tun_get_user',
    'tun_sendmsg',
    'tap_get_user',
    'tap_sendmsg',
  ),
  // Traffic control.
  ...rowsOf(QDISC_ROWS.QDISC_CONGESTED, [
    'fq_codel_dequeue',
    '__fq_codel_dequeue',
    'codel_qdisc_dequeue',
    '__codel_qdisc_dequeue',
    'drop_func',
    'cake_dequeue',
  ]),
  ...rowsOf(QDISC_ROWS.QDISC_GENERIC, [
    '__tcf_kfree_skb_list',
    'kfree_skb_list_reason',
    'kfree_skb_list',
    'tcf_qevent_handle',
  ]),
  ...same(harmless('they waited in a qdisc that was replaced or reset'), '__rtnl_unlock', 'qdisc_reset_queue'),
  // Firewalls.
  ...rowsOf(IP_ROWS.NETFILTER_DROP, ['nf_hook_slow', 'nft_do_chain', 'nf_reinject', 'nf_hook_slow_list']),
  ...same(
    {
      class: 'meant',
      cause: 'a program that the firewall asks (NFQUEUE) dropped them, or does not read',
      remedies: [
        onHost(
          'cat /proc/net/netfilter/nfnetlink_queue',
          'Column 3 are packets that wait, 6 and 7 those dropped for a full queue.',
        ),
        onHost('nft list ruleset', 'Shows the rules that queue.'),
      ],
    },
    'nfqnl_reinject',
    'nf_queue',
    '__nf_queue',
    'nfqnl_enqueue_packet',
    'nfqnl_flush',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'IPVS has no server for them',
      remedies: [onHost('ipvsadm -Ln --stats', 'Shows the services and their servers; one of weight 0 gets nothing.')],
    },
    'ip_vs_in_hook',
    'ip_vs_in',
    'ip_vs_nat_xmit',
    'ip_vs_dr_xmit',
    'ip_vs_tunnel_xmit',
    'ip_vs_leave',
  ),
  // IP.
  ...same(
    {
      class: 'noise',
      cause: 'they are for another MAC address, or their IP header is wrong: this kernel does not tell which',
      remedies: [
        inGuest('ip neigh flush dev eth0', 'forgets the host’s old address; it asks for the new one by itself.'),
        errorCounters,
      ],
    },
    'ip_rcv_core',
    'ip_rcv',
    'ip6_rcv_core',
    'ipv6_rcv',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'their addresses cannot be right on this device (martians), or the host has no route for them',
      remedies: [
        onHost(
          'sysctl -w net.ipv4.conf.all.log_martians=1',
          'Logs each such address to the kernel’s log (dmesg); set it to 0 afterwards.',
        ),
        onHost(
          'ip route show table all',
          'Shows all routes; ip route get ADDRESS iif {device} tells what becomes of one.',
        ),
      ],
    },
    'ip_rcv_finish_core',
    'ip_rcv_finish',
    'ip_route_input_noref',
  ),
  [
    'ip_error',
    one({
      class: 'loss',
      cause: 'their route leads nowhere (blackhole, unreachable, prohibit), or the host does not forward',
      remedies: [
        onHost(
          'ip route show table all',
          'Shows all routes, also those that lead nowhere (unreachable, blackhole, prohibit).',
        ),
        onHost('sysctl net.ipv4.ip_forward', 'Must be 1 for a host that routes for its guests.'),
      ],
    }),
  ],
  [
    'ip6_pkt_drop',
    one({
      class: 'loss',
      cause: 'the host has no route for their IPv6 destination, or one that forbids them',
      remedies: [
        onHost(
          'ip -6 route show table all',
          'Shows all routes, also those that lead nowhere (unreachable, blackhole, prohibit).',
        ),
      ],
    }),
  ],
  ...same(
    {
      class: 'meant',
      cause: 'a route leads nowhere on purpose (blackhole)',
      remedies: [onHost('ip route show table all', 'Shows all routes; those marked blackhole drop in silence.')],
    },
    'dst_discard',
    'dst_discard_out',
    'dst_discard_sk',
  ),
  [
    'ip_forward',
    one({
      class: 'loss',
      cause: 'the host may not forward them: IPsec, a source route, no memory, or large receive offload (LRO)',
      remedies: [errorCounters],
    }),
  ],
  [
    'ip6_forward',
    one({
      class: 'loss',
      cause: 'the host does not forward IPv6, or may not forward these',
      remedies: [
        onHost('sysctl net.ipv6.conf.all.forwarding', 'Must be 1 for a host that routes IPv6 for its guests.'),
        errorCounters,
      ],
    }),
  ],
  ...rowsOf(
    IP_ROWS.PKT_TOO_BIG?.filter(({ at }) => at === undefined),
    ['ip_fragment', 'ip6_fragment', 'ip_exceeds_mtu'],
  ),
  ...same(
    { class: 'loss', cause: 'they could not be cut into fragments', remedies: [errorCounters] },
    'ip_do_fragment',
    'ip6_finish_output',
    '__ip_finish_output',
    'ip_finish_output_gso',
  ),
  ...rowsOf(IP_ROWS.FRAG_REASM_TIMEOUT, [
    'ip_expire',
    'ip_frag_reasm',
    'inet_frag_destroy',
    'inet_frag_rbtree_purge',
    'ip6_frag_expire',
    'ip_defrag',
    'ip_frag_queue',
    'ipv6_frag_rcv',
  ]),
  ...rowsOf(IP_ROWS.NEIGH_FAILED, ['neigh_probe', 'arp_error_report', 'ndisc_error_report', 'neigh_invalidate']),
  ...rowsOf(IP_ROWS.NEIGH_QUEUEFULL, ['__neigh_event_send']),
  ...rowsOf(IP_ROWS.NEIGH_CREATEFAIL, ['ip_finish_output2', 'ip6_finish_output2']),
  ...rowsOf(IP_ROWS.NEIGH_HH_FILLFAIL, ['neigh_resolve_output', 'neigh_connected_output']),
  ...same(
    harmless('they waited for a neighbour entry that was flushed'),
    'neigh_flush_dev',
    'neigh_destroy',
    'neigh_update',
    'pneigh_queue_purge',
  ),
  ...same(
    {
      class: 'noise',
      cause: 'ARP that is malformed, or that the host may not answer',
      remedies: [
        onHost(
          'sysctl net/ipv4/conf/{device}/arp_ignore net/ipv4/conf/{device}/arp_filter',
          'These and the addresses of the device decide what ARP the host answers.',
        ),
      ],
      isTrickle: true,
    },
    'arp_process',
    'arp_rcv',
  ),
  ...same(
    harmless('reports of multicast groups (IGMP, MLD), which routers alone need'),
    'igmp_rcv',
    'igmpv3_rcv',
    'igmp6_event_query',
    'mld_query_work',
    'mld_report_work',
  ),
  ...same(
    {
      class: 'noise',
      cause: 'an ICMP message that the host has no use for, or a malformed one',
      remedies: [errorCounters],
      isTrickle: true,
    },
    'icmp_rcv',
    'icmpv6_rcv',
    'icmp_unreach',
    'icmpv6_notify',
    'ndisc_rcv',
    'ping_rcv',
  ),
  ...same(
    {
      class: 'noise',
      cause: 'they are LLC frames (such as spanning tree), or a header of the wrong length stands before each',
      remedies: [frameTypes, writtenHeader],
      bulk: 0.5,
      isTrickle: true,
    },
    'llc_rcv',
    'stp_pdu_rcv',
    'snap_rcv',
    'llc_station_rcv',
    'llc_sap_handler',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'no multicast route leads further, or their TTL ends there',
      remedies: [onHost('ip mroute show', 'Shows the multicast routes; a daemon (smcroute, pimd) makes them.')],
    },
    'ip_mr_input',
    'ip_mr_forward',
    'ipmr_queue_xmit',
    'ip6_mr_input',
  ),
  ...rowsOf(IP_ROWS.XFRM_POLICY, [
    'xfrm_policy_check',
    '__xfrm_policy_check',
    'xfrm_lookup',
    'xfrm_output_resume',
    'xfrm_output',
    'xfrm_input',
    'xfrm4_rcv_encap',
  ]),
  // Sockets.
  ...same(
    {
      class: 'noise',
      cause: 'TCP had no use for them: no socket, a wrong checksum, or a segment out of place',
      remedies: [errorCounters],
    },
    'tcp_v4_rcv',
    'tcp_v6_rcv',
    'tcp_v4_do_rcv',
    'tcp_v6_do_rcv',
    'tcp_rcv_state_process',
    'tcp_rcv_established',
    'tcp_validate_incoming',
    'tcp_data_queue',
    'tcp_ack',
    'tcp_drop',
    'tcp_add_backlog',
  ),
  ...same(
    {
      class: 'noise',
      cause: 'UDP could not deliver them: no socket, a full one, a wrong checksum, or a tunnel that refuses them',
      remedies: [
        onHost(
          'ss -nuamp',
          'Shows each UDP socket with its buffer (skmem: rb the limit, d the drops) and its program.',
        ),
        errorCounters,
      ],
    },
    'udp_rcv',
    '__udp4_lib_rcv',
    'udp_queue_rcv_one_skb',
    'udp_queue_rcv_skb',
    'udp_unicast_rcv_skb',
    '__udp6_lib_rcv',
    'udpv6_rcv',
    'udpv6_queue_rcv_one_skb',
    'udpv6_queue_rcv_skb',
  ),
  ...same(
    harmless('copies for raw sockets that did not take them'),
    'raw_rcv',
    'raw_rcv_skb',
    'raw_local_deliver',
    'rawv6_rcv',
    'rawv6_rcv_skb',
  ),
  ...same(
    harmless('they waited in a socket that was closed'),
    'skb_queue_purge',
    'skb_queue_purge_reason',
    'inet_sock_destruct',
    'tcp_write_queue_purge',
    'sk_stream_kill_queues',
    'skb_rbtree_purge',
    'udp_destruct_common',
    'tcp_v4_destroy_sock',
  ),
  // Open vSwitch, before Linux 6.7.
  ...rowsOf(BRIDGE_ROWS.OVS_LAST_ACTION, ['do_execute_actions', 'ovs_execute_actions']),
  ...same(
    {
      class: 'loss',
      cause: 'Open vSwitch could not ask its daemon what to do with them, or send them out',
      remedies: [
        onHost(
          'ovs-appctl dpctl/show',
          'lost: that grows are packets that the daemon (ovs-vswitchd) was too slow for.',
        ),
      ],
    },
    'ovs_dp_process_packet',
    'ovs_dp_upcall',
    'queue_userspace_packet',
    'ovs_vport_send',
    'ovs_vport_receive',
    'netdev_port_receive',
    'do_output',
  ),
]);
