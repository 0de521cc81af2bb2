// SPDX-License-Identifier: Apache-2.0
// Drop reasons of neighbours: ARP and neighbour discovery. From net/core/neighbour.c of Linux 6.1 to 7.3.
import { type DropRows, inGuest, onHost } from './drop-row.ts';

export const NEIGHBOUR_ROWS: DropRows = {
  NEIGH_FAILED: [
    {
      class: 'loss',
      cause: 'addresses behind it do not answer ARP or neighbour discovery',
      way: 'to',
      remedies: [
        onHost('ip neigh show dev {device} nud failed nud incomplete', 'Shows the addresses that do not answer.'),
        inGuest('ip -br address show', 'does it have this address, and is the interface up?'),
      ],
    },
    {
      class: 'loss',
      cause: 'the next host on their way does not answer ARP or neighbour discovery',
      remedies: [
        onHost(
          'ip neigh show nud failed nud incomplete',
          'Shows the addresses that do not answer, and by which device.',
        ),
      ],
    },
  ],
  NEIGH_QUEUEFULL: [
    {
      class: 'loss',
      cause: 'more packets came than the host holds while it asks for the MAC address (unres_qlen_bytes)',
      way: 'to',
      remedies: [
        onHost(
          'ip neigh show dev {device} nud incomplete nud failed',
          'Shows the addresses that have not answered yet.',
        ),
        onHost(
          'sysctl -w net/ipv4/neigh/{device}/unres_qlen_bytes=1048576',
          'Holds about 800 packets for IPv4; a permanent entry (ip neigh replace) needs no question.',
        ),
      ],
    },
    {
      class: 'loss',
      cause: 'more packets came than the host holds while it asks for the next host’s MAC address',
      remedies: [
        onHost(
          'ip neigh show nud incomplete nud failed',
          'Shows the addresses that have not answered yet, and by which device.',
        ),
      ],
    },
  ],
  NEIGH_DEAD: [
    {
      class: 'loss',
      cause: 'the neighbour entry that they would have used was just deleted (a flush, a changed address)',
      remedies: [
        onHost(
          'ip -s neigh show dev {device}',
          'Shows how old the entries are: find the program that deletes them (ip monitor neigh).',
        ),
      ],
    },
  ],
  NEIGH_CREATEFAIL: [
    {
      class: 'loss',
      cause: 'the host’s neighbour table is full: it takes no more addresses (gc_thresh3)',
      remedies: [
        onHost(
          'sysctl -w net.ipv4.neigh.default.gc_thresh3=16384 net.ipv4.neigh.default.gc_thresh2=8192',
          'Room for 16384 neighbours, for all namespaces; net.ipv6.neigh.default likewise. The log says “neighbor table overflow”.',
        ),
        onHost('ip -s neigh show', 'Shows the entries: a scan of a large subnet fills the table too.'),
      ],
    },
  ],
  NEIGH_HH_FILLFAIL: [
    {
      class: 'loss',
      cause: 'the device could not make their Ethernet header',
      remedies: [
        onHost('ip -s neigh show', 'Shows the MAC addresses; one of all zeros, or of a wrong length, cannot be used.'),
      ],
    },
  ],
};
