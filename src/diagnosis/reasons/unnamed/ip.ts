// SPDX-License-Identifier: Apache-2.0
// Functions of IPv4, IPv6 and IPsec that free packets without a reason.
import { frameTypes, writtenHeader } from '../device-rows.ts';
import { errorCounters, harmless, inGuest, onHost } from '../drop-row.ts';
import { IP_ROWS } from '../ip-rows.ts';
import { NEIGHBOUR_ROWS } from '../neighbour-rows.ts';
import { POLICY_ROWS } from '../policy-rows.ts';
import { one, rowsOf, same, type UnnamedRows } from './rows.ts';

export const IP: UnnamedRows = [
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
  ...rowsOf(NEIGHBOUR_ROWS.NEIGH_FAILED, ['neigh_probe', 'arp_error_report', 'ndisc_error_report', 'neigh_invalidate']),
  ...rowsOf(NEIGHBOUR_ROWS.NEIGH_QUEUEFULL, ['__neigh_event_send']),
  ...rowsOf(NEIGHBOUR_ROWS.NEIGH_CREATEFAIL, ['ip_finish_output2', 'ip6_finish_output2']),
  ...rowsOf(NEIGHBOUR_ROWS.NEIGH_HH_FILLFAIL, ['neigh_resolve_output', 'neigh_connected_output']),
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
  ...rowsOf(POLICY_ROWS.XFRM_POLICY, [
    'xfrm_policy_check',
    '__xfrm_policy_check',
    'xfrm_lookup',
    'xfrm_output_resume',
    'xfrm_output',
    'xfrm_input',
    'xfrm4_rcv_encap',
  ]),
];
