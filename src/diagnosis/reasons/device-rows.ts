// SPDX-License-Identifier: Apache-2.0
// Drop reasons of devices and of the core that hands packets to them and takes them. From drivers/net/{tun,tap,macvlan}.c and net/core/dev.c.
import {
  type DropRemedy,
  type DropRow,
  type DropRows,
  deviceStatistics,
  inGuest,
  inProgram,
  memoryFault,
  onHost,
} from './drop-row.ts';

const softnet: DropRemedy = onHost(
  'cat /proc/net/softnet_stat',
  'One line a CPU: the second column are drops of a full backlog, the third times that the CPU had no time left.',
);

const memory: DropRemedy = onHost(
  'free -m',
  'Little available memory, or “page allocation failure” in the kernel’s log: give the host more.',
);

export const frameTypes: DropRemedy = onHost(
  'tcpdump -c 20 -neti {device} not ip and not ip6 and not arp',
  'Shows the EtherTypes. A bridge, a VLAN device or a module has to take what is meant.',
);
/** A header that is missing or too long shifts the addresses and the EtherType. */
export const writtenHeader: DropRemedy = inProgram(
  'If its addresses look shifted: the program has to write the header that it opened it with (IFF_NO_PI, IFF_VNET_HDR).',
);

const unhandled: readonly DropRow[] = [
  {
    // bond_handle_frame(), team_handle_frame(): RX_HANDLER_EXACT, so that only a socket that is bound to the port gets them.
    class: 'loss',
    cause: 'the port of a bond or team that they came in by is not the active one, and takes no packets',
    at: ['__netif_receive_skb_core'],
    ofBond: true,
    remedies: [
      onHost(
        'ip -d link show dev {device}',
        'Shows the port’s state: BACKUP takes nothing. The other end has to send by the active one, or the bond needs its mode (802.3ad).',
      ),
    ],
  },
  {
    class: 'noise',
    cause: 'they are no IPv6 packets, although their frame or header says so',
    at: ['ip6_rcv_core'],
    remedies: [inProgram('Its packets have to be of the protocol that their header names.')],
  },
  {
    class: 'noise',
    cause: 'they are ICMP messages of a type that the host does not know',
    at: ['icmp_rcv', 'icmpv6_rcv'],
    remedies: [onHost('tcpdump -c 20 -vni {device} icmp or icmp6', 'Shows the types, and who sends them.')],
    isTrickle: true,
  },
  {
    class: 'noise',
    cause: 'they carry IPv6 options that the host does not know, and that forbid to go on then',
    at: ['ip6_tlvopt_unknown', 'ip6_parse_tlv'],
    remedies: [onHost('tcpdump -c 20 -vni {device} ip6', 'Shows the options; their sender has to leave them out.')],
    isTrickle: true,
  },
  {
    class: 'noise',
    cause: 'their protocol is unknown: the program does not write the packet information that the device expects',
    remedies: [
      inProgram(
        'Opened without IFF_NO_PI, each packet needs 4 bytes before it (flags, EtherType); else open it with IFF_NO_PI.',
      ),
      deviceStatistics,
    ],
    carries: 'packets',
    bulk: 0.5,
  },
  {
    class: 'noise',
    cause: 'nobody here handles their EtherType (as LLDP’s); rx_dropped has them',
    remedies: [frameTypes, writtenHeader],
    bulk: 0.5,
    isTrickle: true,
  },
];

export const DEVICE_ROWS: DropRows = {
  DEV_READY: [
    {
      class: 'loss',
      cause: 'the queue that they were for is not open: the program closed it, or has not opened it yet',
      at: ['tun_net_xmit'],
      remedies: [
        onHost('ip -d link show dev {device}', 'Shows how many queues are attached; packets for the others are lost.'),
        inProgram('A program of several queues has to attach all of them, or fewer: TUNSETQUEUE.'),
      ],
    },
    {
      class: 'loss',
      cause: 'the device was down when they were written',
      at: ['tun_get_user', 'tun_sendmsg', 'enqueue_to_backlog', 'flush_backlog'],
      remedies: [
        onHost(
          'ip link set dev {device} up',
          'Sets it up. See who set it down: a script of a bridge or network manager will do so again.',
        ),
      ],
    },
    {
      class: 'loss',
      cause: 'the device by which they had to leave is down, or has no address of the protocol',
      remedies: [deviceStatistics],
    },
  ],
  DEV_HDR: [
    {
      class: 'loss',
      cause: 'their virtio-net header tells of an offload that the kernel cannot follow',
      remedies: [
        inGuest('ethtool -K eth0 tso off gso off tx off', 'without offloads its headers are plain; costs CPU.'),
        inProgram(
          'Update the guest’s driver or the program that writes; if it began with a kernel update, report that.',
        ),
      ],
    },
  ],
  HDR_TRUNC: [
    {
      class: 'loss',
      cause: 'they are shorter than their own headers',
      remedies: [inProgram('A fault of the program that writes, or of the guest’s driver: what it writes is cut.')],
    },
  ],
  SKB_UCOPY_FAULT: [
    {
      class: 'loss',
      cause: 'the memory that they lie in could not be read',
      remedies: [inProgram(memoryFault('program')), memory],
    },
  ],
  NOMEM: [{ class: 'loss', cause: 'the kernel had no memory for them', remedies: [memory] }],
  PFMEMALLOC: [
    {
      class: 'loss',
      cause: 'the host is so short of memory that the kernel keeps its reserve from them',
      remedies: [memory],
    },
  ],
  SKB_GSO_SEG: [
    {
      class: 'loss',
      cause: 'the large segment could not be cut into packets (GSO)',
      remedies: [
        inGuest('ethtool -K eth0 tso off gso off', 'it cuts its segments itself; costs CPU.'),
        deviceStatistics,
      ],
    },
  ],
  SKB_BAD_GSO: [
    {
      class: 'loss',
      cause: 'their headers do not fit the large segment that they claim to be (GSO)',
      remedies: [inGuest('ethtool -K eth0 tso off gso off', 'it cuts its segments itself; update its driver.')],
    },
  ],
  FULL_RING: [
    {
      class: 'loss',
      cause: 'the ring that they were for is full: its reader is too slow, or reads nothing',
      remedies: [
        onHost('ip -s link show', 'Shows which device drops; tapscope diagnose of a tap among them says why.'),
      ],
    },
  ],
  TAP_TXFILTER: [
    {
      class: 'meant',
      cause: 'the device’s list of MAC addresses refuses them (TUNSETTXFILTER)',
      remedies: [inProgram('Only the program that set the list can change it.')],
    },
  ],
  TAP_FILTER: [
    {
      class: 'meant',
      cause: 'the device’s eBPF filter refuses them (TUNSETFILTEREBPF)',
      remedies: [inProgram('Only the program that set the filter can take it away.')],
    },
  ],
  CPU_BACKLOG: [
    {
      class: 'loss',
      cause: 'the backlog of a CPU is full: it cannot keep up (net.core.netdev_max_backlog)',
      remedies: [
        onHost(
          'sysctl -w net.core.netdev_max_backlog=10000',
          'Holds bursts of 10 000 packets a CPU, for all devices; a CPU that is always busy needs help.',
        ),
        softnet,
      ],
    },
  ],
  MACVLAN_BROADCAST_BACKLOG: [
    {
      class: 'noise',
      cause: 'more broadcasts and multicasts came than a macvlan holds (bcqueuelen)',
      remedies: [
        onHost(
          'ip -d link show type macvlan',
          'Shows bcqueuelen of each (1000 by default): ip link set DEVICE type macvlan bcqueuelen 10000.',
        ),
      ],
    },
  ],
  IPVLAN_MULTICAST_BACKLOG: [
    {
      class: 'noise',
      cause: 'more broadcasts and multicasts came than an ipvlan holds',
      remedies: [deviceStatistics],
    },
  ],
  RECURSION_LIMIT: [
    {
      class: 'loss',
      cause: 'they went round in a loop of stacked devices or tunnels, and the kernel ended it',
      remedies: [
        onHost(
          'ip -d link show',
          'Shows which device lies on which: a tunnel’s own packets must not be routed into it.',
        ),
      ],
    },
  ],
  XDP: [
    {
      class: 'meant',
      cause: 'an XDP program drops them',
      remedies: [
        onHost('bpftool net show dev {device}', 'Shows the program. If the drop is meant, nothing is to be done.'),
      ],
    },
  ],
  UNHANDLED_PROTO: unhandled,
  /** Linux 5.17 only. */
  PTYPE_ABSENT: unhandled,
};
