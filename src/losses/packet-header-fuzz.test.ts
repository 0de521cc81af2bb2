// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The first bytes of lost packets, which any guest sends: read as what they are, or as less, and never as more than there is.
import assert from 'node:assert/strict';
import { constantFrom, integer, oneof, record, uint8Array } from 'fast-check';
import { damaged } from '../../test/fuzz/damage.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { flowOf } from './packet-header.ts';

const etherType = oneof(constantFrom(0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8), integer({ min: 0, max: 65_535 }));

function assertFlow(type: number, bytes: Uint8Array): void {
  const { protocol, source, destination, sourcePort, destinationPort, detail } = flowOf(type, bytes);
  assert.match(`${protocol}|${detail}`, /^[\w -]{1,40}\|[\w ,-]*$/);
  // A tag for each four bytes that there are.
  assert.ok(detail.length <= 40 + 11 * (bytes.length / 4), detail);
  for (const address of [source, destination]) assert.match(address ?? '::', /^[\da-f.:]{2,39}$/);
  for (const port of [sourcePort, destinationPort]) assert.ok(port === undefined || (port >= 0 && port <= 65_535));
}

holdsForAll(
  'bytes of any length',
  record({ type: etherType, bytes: uint8Array({ maxLength: 128 }) }),
  ({ type, bytes }) => assertFlow(type, bytes),
);

for (const [type, hex] of [
  [0x8100, '000a0800450000540000400040060000 0a4d00010a4d0002 0050c00000000000000000005012 0000'],
  [
    0x86dd,
    '6000000000102c4020010db8000000000000000000000001fe800000000000000000000000000002 3c00000100000000 0600000000000000 0050c000',
  ],
  [0x0806, '0001080006040001 aabbccddeeff0a4d0001 0000000000000a4d0002'],
] as const)
  holdsForAll(
    `a good header of 0x${type.toString(16)}, damaged`,
    damaged(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    (bytes) => assertFlow(type, bytes),
  );

holdsForAll(
  'an IPv6 address is written as RFC 5952 has it',
  uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytes.map((byte) => (byte % 3 === 0 ? 0 : byte))),
  (address) => {
    const bytes = Buffer.concat([Buffer.from('6000000000003b40', 'hex'), address, address]);
    assert.equal(
      `[${flowOf(0x86dd, bytes).source}]`,
      new URL(
        `http://[${address.reduce((text, byte, at) => `${text}${at > 0 && at % 2 === 0 ? ':' : ''}${byte.toString(16).padStart(2, '0')}`, '')}]`,
      ).hostname,
    );
  },
  { runs: 4000 },
);
