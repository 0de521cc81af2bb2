// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// By which devices packets of a tap may pass: joined by bridges, tunnels and filters, or by the host's forwarding.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import { onTheWay } from './on-the-way.ts';

type Tables = Parameters<typeof onTheWay>[1];

const link = (ifindex: number, more: Partial<TopologyLink> = {}): readonly [number, TopologyLink] => [
  ifindex,
  {
    ifindex,
    name: `d${ifindex}`,
    address: undefined,
    isUp: true,
    hasCarrier: true,
    isIfb: false,
    discards: undefined,
    xdp: undefined,
    unsent: 0,
    countsEnded: false,
    received: 0,
    master: undefined,
    idlePortOf: undefined,
    lower: undefined,
    bridge: undefined,
    port: undefined,
    macvlan: undefined,
    tun: undefined,
    ...more,
  },
];

/** tap 1 and uplink 2 on bridge 3, VLAN 4 on 5, which is a port of bond 6; 7 and 8 apart; 9 is the tap that is routed. */
const LINKS = new Map([
  link(1, { master: 3 }),
  link(2, { master: 3 }),
  link(3),
  link(4, { lower: 6, master: 3 }),
  link(5, { master: 6 }),
  link(6),
  link(7),
  link(8),
  link(9),
]);
const NETWORKS = [{ network: new Uint8Array(16), bits: 128, ifindex: 9 }];

function onWayOf(ifindex: number, more: Partial<Tables['reach']> & Partial<Tables> = {}): readonly number[] {
  const { addressed = new Set(), forwarding = { devices: new Set(), byAll: false }, ...tables } = more;
  // Each its own map: what is joined is remembered by it.
  const all = { links: new Map(LINKS), mirred: [], networks: NETWORKS, reach: { addressed, forwarding }, ...tables };
  return [...LINKS.keys()].filter(onTheWay(ifindex, all));
}

const forwards = (...devices: readonly number[]): Tables['reach']['forwarding'] => ({
  devices: new Set(devices),
  byAll: false,
});
const ALL = [...LINKS.keys()];
const BRIDGED = [1, 2, 3, 4, 5, 6];

for (const [name, found, expected] of [
  ['a port of a bridge', onWayOf(1), BRIDGED],
  ['the bridge has no address, and the host forwards', onWayOf(1, { forwarding: forwards(3, 7) }), BRIDGED],
  ['the bridge has an address, and the host does not forward', onWayOf(1, { addressed: new Set([3]) }), BRIDGED],
  [
    'it has one, and another device forwards',
    onWayOf(1, { addressed: new Set([3]), forwarding: forwards(7) }),
    [...BRIDGED, 7],
  ],
  ['it has one, and forwards itself', onWayOf(1, { addressed: new Set([3]), forwarding: forwards(3) }), ALL],
  ['a routed tap', onWayOf(9), [9]],
  ['a routed tap, and the host forwards', onWayOf(9, { forwarding: { devices: new Set(), byAll: true } }), ALL],
  ['nothing leads to it: a program alone can', onWayOf(8), ALL],
  [
    'a filter redirects to it',
    onWayOf(8, { mirred: [{ from: 7, to: 8, hook: 'ingress', isCopy: false, packets: 0, failed: 0 }] }),
    [7, 8],
  ],
] as const)
  test(`on the way: ${name}`, () => {
    assert.deepEqual(found, expected);
  });
