// SPDX-License-Identifier: Apache-2.0
// The part of the kernel that a function belongs to, by the prefix of its name: where a packet was lost, never why.

/** The first that fits. */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/^br_/, 'the bridge'],
  [/^(nf|nft|nfqnl|ipt|xt|ebt|arpt)_/, 'netfilter'],
  [/^ip_vs_/, 'IPVS'],
  [/^(ovs_|do_execute_actions|do_output|queue_userspace)/, 'Open vSwitch'],
  [/^vxlan_/, 'VXLAN'],
  [/^(geneve|ipgre|gre|ip_tunnel|ip_md_tunnel|ipip|sit|ip6_tnl|ip6gre|iptunnel|wg)_/, 'a tunnel'],
  [/^_*xfrm\d?_|^esp\d?_/, 'IPsec'],
  [/^(arp|ndisc)_/, 'ARP and neighbour discovery'],
  [/^_*neigh_/, 'the neighbour table'],
  [/^_*tcp_/, 'the TCP stack'],
  [/^_*udp/, 'the UDP stack'],
  [/^_*(icmp|icmpv6|ping|igmp|igmp6|mld)_/, 'ICMP and IGMP'],
  [/^_*(raw|rawv6)_/, 'a raw socket'],
  [/^_*(sk|sock|inet_csk|inet6_csk|unix)_/, 'a socket'],
  [/^(t?packet)_/, 'a packet socket'],
  [/^_*ip_(rcv|local|protocol|route_input)/, 'IPv4 input'],
  [/^_*ip_(forward|mr)/, 'IPv4 forwarding'],
  [/^_*ip_/, 'IPv4 output'],
  [/^_*(ip6_rcv|ipv6_rcv|ip6_input|ip6_protocol|ip6_mc_input)/, 'IPv6 input'],
  [/^_*(ip6_forward|ip6_mr)/, 'IPv6 forwarding'],
  [/^_*(ip6|ipv6)_/, 'IPv6'],
  [/^_*(inet_frag|ipv6_frag)/, 'the assembly of fragments'],
  [/^_*(tcf|tc)_|^sch_handle|^tcx_/, 'tc filters'],
  [/_(enqueue|dequeue)$|^(qdisc|fq|codel|cake|htb|tbf|red|sfq|pie)_|^_*tcf_kfree/, 'a qdisc'],
  [/^_*vlan_/, 'a VLAN device'],
  [/^(veth|macvlan|ipvlan|bond|team|netkit|dummy|ifb|loopback)_/, 'a virtual device'],
  [/^(tun|tap)_/, 'tun and tap'],
  [/^vhost_/, 'vhost'],
  [
    /^_*netif_|^enqueue_to_backlog$|^process_backlog$|^napi_|^do_xdp_generic$/,
    'the core that takes packets from devices',
  ],
  [/^_*dev_|^sch_direct_xmit$|^validate_xmit|^skb_/, 'the core that hands packets to devices'],
  [/^(bpf|skb_do_redirect|__bpf)/, 'a BPF program'],
  [/^mptcp_/, 'Multipath TCP'],
  [/^sctp_/, 'SCTP'],
  [/^(l2tp|ppp|pppoe)/, 'PPP and L2TP'],
  [/^llc_|^snap_|^stp_/, 'LLC'],
];

/** undefined: the function's name tells nothing, or it is not known. */
export function placeOf(location: string): string | undefined {
  return PLACES.find(([pattern]) => pattern.test(location))?.[1];
}
