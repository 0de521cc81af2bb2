// SPDX-License-Identifier: Apache-2.0
// Drop reasons of IPv4 and IPv6: addresses, routes, MTU, fragments, neighbours. From net/ipv4 and net/ipv6 of Linux 6.1 to 7.3.
import {
  type DropRemedy,
  type DropRow,
  type DropRows,
  errorCounters,
  harmless,
  inGuest,
  inProgram,
  onHost,
} from './drop-row.ts';

const routeOf: DropRemedy = onHost(
  'ip route show table all',
  'Shows all routes, also those that lead nowhere; ip route get ADDRESS iif {device} tells what becomes of one.',
);

const logMartians: DropRemedy = onHost(
  'sysctl -w net.ipv4.conf.all.log_martians=1',
  'Logs each such address to the kernel’s log (dmesg); set it to 0 afterwards.',
);

const forwarding: DropRemedy = onHost(
  'sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding',
  'Must be 1 for a host that routes for its guests; ip route get ADDRESS iif DEVICE shows the route.',
);

const looseFilter: DropRemedy = onHost(
  'sysctl -w net/ipv4/conf/{device}/rp_filter=2',
  'Loose mode: a source is accepted if any route leads back to it. Better: add a route to the source by this device.',
);

const clampMss: DropRemedy = onHost(
  "nft 'add table inet mss; add chain inet mss forward { type filter hook forward priority -150; }; add rule inet mss forward tcp flags syn tcp option maxseg size set rt mtu'",
  'Fits TCP to the smallest MTU. Other protocols need the ICMP answers: let “fragmentation needed” and “packet too big” pass every firewall.',
);

const raiseMtu: DropRemedy = onHost(
  'ip link set dev {device} mtu 1500',
  'Only if what carries the tunnel, and its far end, take packets of this size: for 1500 put that size.',
);

const showMtus: DropRemedy = onHost(
  'ip -d link show',
  'Shows the MTU of each device; ip route get ADDRESS the device by which a packet leaves, and a route’s own MTU.',
);

const ipv6On: DropRemedy = onHost(
  'sysctl -w net/ipv6/conf/{device}/disable_ipv6=0',
  'Lets IPv6 in by this device. If it is off on purpose, have the guest not send it.',
);

const martian = (what: string): readonly DropRow[] => [
  { class: 'loss', cause: what, remedies: [logMartians, routeOf] },
];

const multicastNobodyAsked = harmless('multicast groups that nobody on the host has joined');

const badHeader: DropRow = {
  class: 'loss',
  cause: 'their IP header is malformed: a wrong version, length or option',
  remedies: [errorCounters],
};

const neighbourDiscovery = (fault: string): readonly DropRow[] => [
  {
    class: 'noise',
    cause: `neighbour discovery of IPv6 that breaks its rules: ${fault}`,
    remedies: [onHost('ip -6 neigh show dev {device}', 'Shows which IPv6 addresses of the guest the host knows.')],
    isTrickle: true,
  },
];

const extensionHeaders: DropRemedy = onHost(
  'sysctl net.ipv6.max_hbh_opts_number net.ipv6.max_dst_opts_number',
  'Shows how many options are taken; the rest is the sender’s to mend.',
);

export const IP_ROWS: DropRows = {
  OTHERHOST: [
    {
      class: 'loss',
      cause: 'they come for a MAC address that the host does not have there: their sender knows an old one',
      way: 'to',
      remedies: [
        onHost(
          'ip -br link show dev {device}',
          'The MAC address that the sender has to know. On the sender: ip neigh flush all, it asks for the new one by itself.',
        ),
      ],
    },
    {
      class: 'noise',
      cause: 'they are for a MAC address that the host does not have here, or a VLAN that it has no device for',
      remedies: [
        inGuest('ip neigh flush dev eth0', 'forgets the host’s old address; it asks for the new one by itself.'),
        onHost(
          'ip -d link show dev {device}',
          'The host’s address here, and its bridge (master), if any. A restored guest knows an older address: ip link set dev {device} address OLD gives it back.',
        ),
      ],
      carries: 'frames',
    },
    {
      class: 'noise',
      cause: 'they are marked as packets for another host',
      remedies: [errorCounters],
    },
  ],
  IP_INHDR: [
    {
      class: 'noise',
      cause: 'their TTL or hop limit is used up: a loop of routes, or a traceroute',
      at: ['ip_forward', 'ip6_forward'],
      remedies: [routeOf],
    },
    badHeader,
  ],
  IP_RPFILTER: [
    {
      class: 'loss',
      cause: 'their source addresses have another way back (rp_filter)',
      remedies: [looseFilter, routeOf],
    },
  ],
  IP_LOCAL_SOURCE: martian('they carry an address of the host itself as their source (a martian)'),
  IP_INVALID_SOURCE: martian('their source address cannot be right on this device (a martian)'),
  IP_LOCALNET: martian('they carry an address of 127.0.0.0/8 from outside (a martian)'),
  IP_INVALID_DEST: martian('their destination address is none that the host may be sent (a martian)'),
  IP_INADDRERRORS: [
    {
      ...multicastNobodyAsked,
      at: ['ip6_protocol_deliver_rcu', 'ip6_input_finish', 'ip6_mc_input'],
    },
    {
      class: 'loss',
      cause: 'the host does not forward IPv6, or one of their addresses is of the link only',
      at: ['ip6_forward'],
      remedies: [
        onHost('sysctl net.ipv6.conf.all.forwarding', 'Must be 1 for a host that routes for its guests.'),
        onHost('ip -6 route show table all', 'Shows the routes; a guest needs a global address to leave.'),
      ],
    },
    {
      class: 'loss',
      cause: 'the host does not forward, and the address is none of its own',
      remedies: [forwarding, routeOf],
    },
  ],
  IP_INNOROUTES: [
    { class: 'loss', cause: 'the host has no route for their destination', remedies: [routeOf, forwarding] },
  ],
  IP_OUTNOROUTES: [
    { class: 'loss', cause: 'the host has no route for their destination', remedies: [routeOf, forwarding] },
  ],
  IP_NOPROTO: [
    {
      class: 'noise',
      cause: 'the host has no handler for their IP protocol (GRE, SCTP, … without its module)',
      remedies: [
        onHost(
          'nstat -az IpInUnknownProtos Ip6InUnknownProtos',
          'Counts them; load the module, or have the guest not send it.',
        ),
      ],
    },
  ],
  INVALID_PROTO: [
    harmless('broadcast pings, or time requests to a broadcast address, which the host ignores', { at: ['icmp_rcv'] }),
    {
      class: 'noise',
      cause: 'a protocol that does not allow such a packet (a broadcast that is not IP, a home-address option)',
      remedies: [errorCounters],
    },
  ],
  UNICAST_IN_L2_MULTICAST: [
    {
      class: 'noise',
      cause: 'their IP address is one host’s, and their MAC address a broadcast’s or multicast’s',
      remedies: [
        inGuest('ip neigh show', 'a broadcast or multicast MAC address for a host is a wrong entry, or a cluster’s.'),
      ],
    },
  ],
  ARP_PVLAN_DISABLE: [
    {
      class: 'noise',
      cause: 'a packet that is not IP is for another host of the same device, and proxy_arp_pvlan is off',
      remedies: [
        onHost(
          'sysctl net/ipv4/conf/{device}/proxy_arp_pvlan',
          'Set it to 1 where guests of one device may not talk directly.',
        ),
      ],
    },
  ],
  PKT_TOO_BIG: [
    {
      class: 'loss',
      cause: 'they are longer than the MTU of the bridge’s port by which they leave',
      at: ['br_dev_queue_push_xmit', 'br_forward_finish', 'br_nf_dev_queue_xmit', 'br_nf_ip_fragment'],
      remedies: [showMtus, inGuest('ip link set dev eth0 mtu 1400', 'for 1400 put the MTU of that port.')],
    },
    {
      class: 'loss',
      cause: 'they are longer than the device’s MTU, and may not be cut up (DF, or IPv6)',
      way: 'to',
      remedies: [clampMss, raiseMtu],
    },
    {
      class: 'loss',
      cause: 'they are longer than the MTU of the way on, and may not be cut up (DF, or IPv6)',
      remedies: [
        clampMss,
        inGuest(
          'ip link set dev eth0 mtu 1400',
          'for 1400 put the smallest MTU on the way: tracepath ADDRESS tells it.',
        ),
        showMtus,
      ],
    },
  ],
  PKT_TOO_SMALL: [
    {
      class: 'loss',
      cause: 'they are shorter than their own headers say: cut on the way, or badly made',
      remedies: [
        inProgram(
          'A fault of the program that writes them, or of its buffers: what it writes is shorter than the packet.',
        ),
        errorCounters,
      ],
    },
  ],
  DUP_FRAG: [harmless('fragments that came twice')],
  FRAG_REASM_TIMEOUT: [
    {
      class: 'noise',
      cause: 'other fragments of the same packets did not come in time',
      remedies: [
        onHost(
          'nstat -az IpReasmFails IpReasmTimeout Ip6ReasmFails',
          'The missing ones are lost elsewhere, or a firewall drops all but the first.',
        ),
      ],
    },
  ],
  FRAG_TOO_FAR: [
    {
      class: 'noise',
      cause: 'fragments that are too far apart from those before (ipfrag_max_dist)',
      remedies: [
        onHost(
          'sysctl net.ipv4.ipfrag_max_dist',
          '0 turns the check off: where senders behind one address share a counter, it is too strict.',
        ),
      ],
    },
  ],
  IPV6DISABLED: [
    {
      class: 'noise',
      cause: 'IPv6 is off on the device by which they came or leave',
      remedies: [ipv6On],
    },
  ],
  IPV6_BAD_EXTHDR: [
    { class: 'noise', cause: 'an extension header of IPv6 in an ICMP message is malformed', remedies: [errorCounters] },
  ],
  IPV6_TOO_MANY_EXTHDRS: [
    {
      class: 'loss',
      cause: 'they have more IPv6 extension headers than the kernel follows',
      remedies: [extensionHeaders],
    },
  ],
  IPV6_NDISC_FRAG: neighbourDiscovery('it came in fragments'),
  IPV6_NDISC_HOP_LIMIT: neighbourDiscovery('its hop limit is not 255'),
  IPV6_NDISC_BAD_CODE: neighbourDiscovery('its code is not 0'),
  IPV6_NDISC_BAD_OPTIONS: neighbourDiscovery('its options are malformed'),
  IPV6_NDISC_NS_OTHERHOST: [harmless('neighbour solicitations for other hosts')],
};
