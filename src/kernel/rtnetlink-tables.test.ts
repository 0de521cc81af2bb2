// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Tables of bridges, filters and routes as rtnetlink sends them: VLANs, which not every kernel of a test has, and any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, integer, tuple, uint8Array } from 'fast-check';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { attributeBytes, changeRequest } from './netlink-message.ts';
import { parseFdb, parseMdb, parsePortVlans } from './rtnetlink-bridge.ts';
import { endsIn, filterPlaces, parseMirred } from './rtnetlink-filters.ts';
import { parseAddressed, parseForwarding } from './rtnetlink-forwarding.ts';
import { parseNeighbours, parseRoutes } from './rtnetlink-routes.ts';
import { parseTopology } from './rtnetlink-topology.ts';

const PVID = 2;
const UNTAGGED = 4;
const BEGIN = 8;
const END = 16;

/** struct bridge_vlan_info as an attribute that may be repeated. */
function vlanInfo(flags: number, vlan: number): Uint8Array {
  return attributeBytes(new Map([[2, new Uint8Array(Uint16Array.of(flags, vlan).buffer)]]));
}

test('VLANs of a port, with a range', () => {
  const infos = Buffer.concat([vlanInfo(PVID | UNTAGGED, 1), vlanInfo(BEGIN, 20), vlanInfo(END, 22)]);
  const link = changeRequest(16, 16, { 4: 7 }, new Map([[26, infos]]));
  assert.deepEqual(parsePortVlans(link).get(7), [
    { vlan: 1, isPvid: true, isUntagged: true },
    { vlan: 20, isPvid: false, isUntagged: false },
    { vlan: 21, isPvid: false, isUntagged: false },
    { vlan: 22, isPvid: false, isUntagged: false },
  ]);
});

test('places where filters may hang', () => {
  assert.equal(filterPlaces({ kind: 'clsact', ifindex: 3, handle: 0xffff0000 }).length, 2);
  assert.deepEqual(filterPlaces({ kind: 'htb', ifindex: 3, handle: 0x10000 }), [{ ifindex: 3, parent: 0x10000 }]);
  assert.deepEqual(filterPlaces({ kind: 'fq_codel', ifindex: 3, handle: 0x10000 }), []);
});

const PARSERS = [
  (bytes: Uint8Array) => parseFdb(bytes, 7),
  parseMdb,
  parsePortVlans,
  parseMirred,
  parseRoutes,
  parseNeighbours,
  parseTopology,
  parseAddressed,
  parseForwarding,
  endsIn,
];
/** RTM_NEWLINK, NEWROUTE, NEWNEIGH, NEWTFILTER, GETMDB, NEWADDR and NEWNETCONF, with the length of their headers. */
const kinds = constantFrom(
  [16, 16] as const,
  [24, 12] as const,
  [28, 12] as const,
  [44, 20] as const,
  [86, 8] as const,
  [20, 8] as const,
  [80, 8] as const,
);
const attributes = array(tuple(integer({ min: 0, max: 50 }), uint8Array({ maxLength: 60 })), { maxLength: 6 });
const message = tuple(kinds, attributes).map(([[type, header], all]) =>
  changeRequest(type, header, { 4: 7 }, new Map(all)),
);

/** A reply that breaks is a RangeError, which the reader of a namespace says as "the answer is broken". */
function assertRead(bytes: Uint8Array): void {
  for (const parse of PARSERS)
    try {
      parse(bytes);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
}

holdsForAll('messages of any attributes', message, assertRead);
holdsForAll('messages of bytes', uint8Array({ maxLength: 120 }), assertRead);
