// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Reads that cut packets: when they are a finding, and which MTU would fit.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';

interface Reading {
  readonly kind?: Device['kind'];
  readonly mtu?: number;
  readonly readHeader?: number;
  /** Bytes of each packet. */
  readonly packet: number;
  /** Bytes that a read returns of it and its header. */
  readonly got: number;
}

/** A thousand packets a second. */
function reads({ kind = 'tap', mtu = 1500, readHeader = 0, packet, got }: Reading): readonly TapPlan[] {
  return [
    {
      more: (second) => ({
        kind,
        vnetHeader: false,
        counters: {
          txPackets: 1000 * second,
          txBytes: 1000 * packet * second,
          txDropped: 0,
          rxPackets: 0,
          rxBytes: 0,
          rxDropped: 0,
        },
        programSide: {
          holders: 1,
          sockets: [],
          mtu,
          readHeader,
          unreadable: [],
          reads: {
            readers: '7',
            threads: 1,
            bytes: 1000 * got * second,
            bytesBefore: 1000 * got * second,
            calls: 1000 * second,
            callsBefore: 1000 * second,
          },
        },
      }),
    },
  ];
}

testHosts([
  {
    host: 'has a program that forgot the Ethernet header',
    taps: reads({ packet: 1514, got: 1500 }),
    finds: ['short-reads warning'],
    types: 'ip link set dev tap0 mtu 1478',
  },
  {
    host: 'has a program that forgot the packet information',
    taps: reads({ kind: 'tun', readHeader: 4, packet: 1500, got: 1500 }),
    finds: ['short-reads warning'],
    types: 'ip link set dev tap0 mtu 1496',
  },
  {
    host: 'has a program whose MTU was raised while it ran',
    taps: reads({ kind: 'tun', mtu: 9000, packet: 4000, got: 1500 }),
    finds: ['short-reads critical'],
    types: 'ip link set dev tap0 mtu 1500',
  },
  {
    host: 'has a program with a small buffer, whose size nobody knows',
    taps: reads({ kind: 'tun', packet: 1400, got: 520 }),
    finds: ['short-reads critical'],
    says: /reads into too small a buffer/,
  },
  { host: 'has a program that reads all', taps: reads({ packet: 1514, got: 1514 }), finds: [] },
]);
