// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { flowOf } from './packet-header.ts';

const IPV4 = '45000054000040004011 0000 0a4d0001 0a4d0002';
const ipv4 = (protocol: string, fragment = '4000'): string =>
  `450000540000${fragment}40${protocol}0000 0a4d0001 0a4d0002`;
const ADDRESSES = '20010db8000000000000000000000001 fe800000000000000000000000000002';
const ipv6 = (next: string): string => `600000000010${next}40 ${ADDRESSES}`;
const V6 = { source: '2001:db8::1', destination: 'fe80::2' };
const V4 = { source: '10.77.0.1', destination: '10.77.0.2' };

const cases: readonly (readonly [what: string, type: number, hex: string, flow: Readonly<Record<string, unknown>>])[] =
  [
    ['UDP', 0x0800, `${IPV4} 1f900035 0020`, { protocol: 'UDP', ...V4, sourcePort: 8080, destinationPort: 53 }],
    [
      'TCP with its flags',
      0x0800,
      `${ipv4('06')} 0050c000 00000000 00000000 5012 0000`,
      { protocol: 'TCP', ...V4, sourcePort: 80, destinationPort: 49_152, detail: 'SYN ACK' },
    ],
    [
      'TCP cut before its flags',
      0x0800,
      `${ipv4('06')} 0050c000 0000`,
      { protocol: 'TCP', ...V4, sourcePort: 80, destinationPort: 49_152 },
    ],
    ['cut before the ports', 0x0800, `${IPV4} 1f90`, { protocol: 'UDP', ...V4 }],
    [
      'IPv4 with too short a header',
      0x0800,
      `44${IPV4.slice(2)} 1f900035`,
      { protocol: 'IPv4', ...V4, detail: 'header of 16 bytes' },
    ],
    ['IPv4 cut', 0x0800, IPV4.slice(0, 30), { protocol: 'IPv4' }],
    [
      'IPv4 with options',
      0x0800,
      `4600005400004000 4011 0000 0a4d0001 0a4d0002 01010101 1f900035`,
      { protocol: 'UDP', ...V4, sourcePort: 8080, destinationPort: 53 },
    ],
    [
      'a first fragment',
      0x0800,
      `${ipv4('11', '2000')} 1f900035`,
      { protocol: 'UDP', ...V4, sourcePort: 8080, destinationPort: 53, detail: 'fragment' },
    ],
    ['a later fragment', 0x0800, `${ipv4('11', '00b9')} 1f900035`, { protocol: 'UDP', ...V4, detail: 'fragment' }],
    ['ICMP', 0x0800, `${ipv4('01')} 0800 0000`, { protocol: 'ICMP', ...V4, detail: 'echo request' }],
    ['an unknown ICMP', 0x0800, `${ipv4('01')} 2a00 0000`, { protocol: 'ICMP', ...V4, detail: 'type 42' }],
    ['an unknown protocol', 0x0800, `${ipv4('fd')} 00000000`, { protocol: 'IP protocol 253', ...V4 }],
    [
      'IPv6 and UDP',
      0x86dd,
      `${ipv6('11')} 1f900035`,
      { protocol: 'UDP', ...V6, sourcePort: 8080, destinationPort: 53 },
    ],
    [
      'IPv6 with hop-by-hop options',
      0x86dd,
      `${ipv6('00')} 3a00050200000000 8f00 0000`,
      { protocol: 'ICMPv6', ...V6, detail: 'multicast listener report' },
    ],
    [
      'a later fragment of IPv6',
      0x86dd,
      `${ipv6('2c')} 110000b9 00000000 1f900035`,
      { protocol: 'UDP', ...V6, detail: 'fragment' },
    ],
    [
      'options that say they are longer than what is there',
      0x86dd,
      `${ipv6('00')} 11ff050200000000`,
      { protocol: 'UDP', ...V6 },
    ],
    [
      'ARP',
      0x0806,
      '0001 0800 0604 0001 020000000001 0a4d0001 000000000000 0a4d0002',
      { protocol: 'ARP', ...V4, detail: 'request' },
    ],
    ['ARP cut', 0x0806, '0001 0800', { protocol: 'ARP' }],
    [
      'a VLAN',
      0x8100,
      `0005 0800 ${IPV4} 1f900035`,
      { protocol: 'UDP', ...V4, sourcePort: 8080, destinationPort: 53, detail: 'VLAN 5' },
    ],
    [
      'a VLAN whose tag lies before the network header',
      0x8100,
      `${IPV4} 1f900035`,
      { protocol: 'UDP', ...V4, sourcePort: 8080, destinationPort: 53 },
    ],
    ['LLDP', 0x88cc, '0207', { protocol: 'LLDP' }],
    ['nothing that is known', 0x9000, '', { protocol: '0x9000' }],
    ['no IP in what says so', 0x0800, 'ff'.repeat(40), { protocol: 'IPv4' }],
  ];

for (const [what, type, hex, expected] of cases) {
  test(what, () => {
    const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    const nothing = {
      source: undefined,
      destination: undefined,
      sourcePort: undefined,
      destinationPort: undefined,
      detail: '',
    };
    assert.deepEqual(flowOf(type, bytes), { ...nothing, ...expected });
  });
}

test('addresses of IPv6 as RFC 5952 writes them', () => {
  for (const [hex, text] of [
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db80001000200030004000500f0', '2001:db8:1:2:3:4:5:f0'],
    ['00100000000100000000000100000001', '10:0:1::1:0:1'],
  ] as const) {
    const bytes = Uint8Array.from(Buffer.from(`6000000000003b40${hex}${'0'.repeat(32)}`, 'hex'));
    assert.equal(flowOf(0x86dd, bytes).source, text);
  }
});

test('no bytes of a packet stop the program', () => {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed >> 16;
  };
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: random() % 97 }, () => random() & 255);
    if (bytes.length > 0 && i % 4 < 2) bytes[0] = i % 4 === 0 ? 0x45 : 0x60;
    flowOf([0x0800, 0x86dd, 0x8100, 0x0806][i % 4] ?? 0, bytes);
  }
});
