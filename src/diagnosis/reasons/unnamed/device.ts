// SPDX-License-Identifier: Apache-2.0
// Functions of virtual devices and of the core that free packets without a reason.
import { DEVICE_ROWS } from '../device-rows.ts';
import { deviceStatistics, inGuest, inProgram, onHost } from '../drop-row.ts';
import { one, rowsOf, same, type UnnamedRows } from './rows.ts';

export const DEVICE: UnnamedRows = [
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
];
