// SPDX-License-Identifier: Apache-2.0
// Checksums: a sender with an offload leaves them unfinished (CHECKSUM_PARTIAL), and only a virtio-net header tells the host so.
import { type DropRow, type DropRows, errorCounters, inGuest, inProgram } from './drop-row.ts';

function wrong(protocol: string): readonly DropRow[] {
  return [
    {
      class: 'loss',
      cause: `their ${protocol} checksum is wrong: an offload without a virtio-net header, or damage`,
      remedies: [
        inGuest(
          'ethtool -K eth0 tx off tso off gso off',
          'it finishes its checksums itself; costs CPU. A virtio-net header (IFF_VNET_HDR) makes that needless.',
        ),
        inProgram('It has to open the device with IFF_VNET_HDR and pass the header on, or finish the checksums.'),
        errorCounters,
      ],
    },
  ];
}

export const CHECKSUM_ROWS: DropRows = {
  IP_CSUM: wrong('IP header’s'),
  ICMP_CSUM: wrong('ICMP'),
  UDP_CSUM: wrong('UDP'),
  TCP_CSUM: wrong('TCP'),
  SKB_CSUM: [
    {
      class: 'loss',
      cause: 'the checksum that the receiver wants finished could not be computed: their headers are malformed',
      at: ['tap_handle_frame'],
      remedies: [
        inProgram('Let the program take checksums unfinished (TUNSETOFFLOAD with TUN_F_CSUM, and IFF_VNET_HDR).'),
      ],
    },
    ...wrong('inner'),
  ],
};
