// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What the configuration around a device leads to: carrier off, tables of a bridge, filters and routes; and when it is as it should be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN_PORT } from '../../test/snapshots/bridge-port.ts';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { quietHost, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';
import { NO_QUEUE, type Queue } from '../snapshot/queue.ts';
import type { BridgeTable, Surroundings, TcRedirect, WithheldFrames } from '../snapshot/surroundings.ts';
import { lossTowards } from './asked.ts';
import { judge } from './judge.ts';

const GUEST = '52:54:00:00:00:01';

/** The device delivers, and its surroundings are these at each second. */
function tap(delivered: number, surroundings: (second: number) => Partial<Surroundings>): readonly TapPlan[] {
  const more = (second: number) => ({
    bridgePort: OPEN_PORT,
    surroundings: { redirects: [], strays: [], unread: [], ...surroundings(second) },
  });
  return [{ queues: [{ delivered }], more }];
}

function table(more: Partial<BridgeTable>): { readonly table: BridgeTable } {
  return { table: { addresses: 1, isLocked: false, misplaced: [], withheld: [], ...more } };
}

function withheld(cause: WithheldFrames['cause'], address: string, perSecond: number, vlan = 0) {
  return (second: number) =>
    table({ withheld: [{ address, vlan, from: 'eth1', cause, packets: perSecond * (second + 1) }], vlans: 1, pvid: 1 });
}

function filter(more: Partial<TcRedirect>, perSecond: number, failed: number) {
  return (second: number) => ({
    redirects: [
      {
        ...{ from: 'eth0', to: 'tap0', hook: 'ingress' as const, isCopy: false, ...more },
        packets: perSecond * second,
        failed: failed * second,
      },
    ],
  });
}

const GROUP = '01:00:5e:01:02:03';
/** Lost at the noop qdisc, which the kernel has in tx_dropped too. */
const UNPLUGGED: readonly TapPlan[] = [
  {
    queues: [{ delivered: 0 }],
    before: { 'QDISC_DROP@__dev_queue_xmit': 400 },
    more: (second) => ({
      carrier: false,
      counters: { txPackets: 7, txBytes: 0, txDropped: 400 * second, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
    }),
  },
];

testHosts([
  {
    host: 'lost its carrier',
    taps: UNPLUGGED,
    finds: ['carrier-off warning'],
    types: 'ip link set dev tap0 carrier on',
  },
  {
    host: 'has the guest’s address at another port, and frames go there',
    taps: tap(1000, (second) =>
      table({
        misplaced: [{ address: GUEST, port: 'vnet7', how: 'static' }],
        withheld: [{ address: GUEST, vlan: 0, from: 'eth1', cause: 'elsewhere', packets: 5 * second }],
      }),
    ),
    asked: true,
    finds: ['bridge-table warning'],
    says: /br0 sends frames for 52:54:00:00:00:01, which is behind it, to vnet7/,
    types: 'bridge fdb del 52:54:00:00:00:01 dev vnet7 master',
  },
  {
    host: 'has such an entry that no frame met, beside good traffic',
    taps: tap(1000, () => table({ misplaced: [{ address: GUEST, port: 'vnet7', how: 'static' }] })),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'has two guests with one address',
    taps: tap(1000, () => table({ misplaced: [{ address: GUEST, port: 'vnet7', how: 'twice' }] })),
    asked: true,
    finds: ['bridge-table warning'],
  },
  {
    host: 'gets frames for a guest in a VLAN that its port does not allow',
    taps: tap(10, withheld('vlan-out', GUEST, 5, 20)),
    asked: true,
    finds: ['bridge-table warning'],
    says: /its port does not allow VLAN 20/,
  },
  {
    host: 'has an uplink whose port of the bridge does not forward',
    taps: tap(0, withheld('closed', GUEST, 5)),
    asked: true,
    finds: ['bridge-table warning'],
    says: /they come by eth1, and that port of br0 does not forward/,
    types: 'bridge -d link show dev eth1',
  },
  {
    host: 'withholds a group that no port has reported',
    taps: tap(10, withheld('group', GROUP, 100)),
    asked: true,
    finds: ['bridge-table warning'],
  },
  { host: 'is not asked about it', taps: tap(10, withheld('group', GROUP, 100)), finds: [] },
  {
    host: 'withholds a trickle of a group',
    taps: tap(10, withheld('group', GROUP, 1)),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'withholds neighbour solicitations for its guest',
    taps: tap(10, withheld('group', '33:33:ff:00:00:01', 1)),
    asked: true,
    finds: ['bridge-table warning'],
  },
  {
    host: 'redirects what the guest sends to a device that is down',
    taps: tap(10, filter({ from: 'tap0', to: 'eth0' }, 50, 50)),
    finds: ['redirected-away warning'],
  },
  {
    host: 'redirects what the guest sends to an IFB whose shaper is full',
    taps: tap(10, filter({ from: 'tap0', to: 'ifb0', isOpen: true }, 50, 20)),
    finds: ['redirected-away warning'],
    says: /redirects at its ingress to ifb0, whose qdisc refuses them/,
    types: 'tc -s qdisc show dev ifb0',
  },
  {
    host: 'redirects packets to the device',
    taps: tap(50, filter({}, 50, 0)),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'redirects packets to a device that is gone, beside one that got nothing',
    taps: tap(0, filter({ to: '' }, 50, 50)),
    asked: true,
    finds: ['redirected-away warning'],
    says: /redirected 500 to a device that is gone/,
  },
  {
    host: 'has another way for a neighbour',
    taps: tap(10, () => ({
      strays: [{ address: '10.0.0.7', isNeighbour: true, device: 'eth0', route: 'unicast' }],
    })),
    asked: true,
    finds: ['redirected-away warning'],
    types: 'ip route get 10.0.0.7',
  },
  {
    host: 'has another way for a part of the network, and traffic',
    taps: tap(10, () => ({
      strays: [{ address: '10.0.0.129', isNeighbour: false, device: 'eth0', route: 'unicast' }],
    })),
    asked: true,
    finds: ['not-here info'],
  },
]);

const LIMITED: Queue = {
  ...NO_QUEUE,
  index: 0,
  send: { inFlight: 213_000, limit: 212_992, hasRefused: true, isAwaited: false },
};

/** Its guest sends so many a second, of which so many are refused below it. */
function macvtap(written: number, refused: number, more: Partial<Device> = {}): readonly TapPlan[] {
  return [
    {
      queues: [],
      more: (second) => ({
        kind: 'macvtap',
        up: true,
        carrier: true,
        attachedQueues: 1,
        macvtap: {
          offered: 10 * second,
          dropped: [],
          delivered: undefined,
          written: written * second,
          refused: refused * second,
        },
        ...more,
      }),
    },
  ];
}

/** Its guest sends so many a second that are counted, of which so many are refused below it; and others are freed in front of it. */
function lossyMacvtap(written: number, dropped: number, refused = 0): readonly TapPlan[] {
  const [plan] = macvtap(written, refused);
  const more = plan?.more;
  return [
    {
      queues: [],
      more: (second) => {
        const made = more?.(second);
        if (!made?.macvtap) return made ?? {};
        const drops = [{ reason: 'TC_EGRESS', location: '__dev_queue_xmit', packets: dropped * second }];
        const beforeCounted = refused > 0 ? 0 : dropped * second;
        return { ...made, macvtap: { ...made.macvtap, sendDrops: { dropped: drops, beforeCounted } } };
      },
    },
  ];
}

testHosts([
  {
    host: 'has a macvtap on a device without carrier',
    taps: macvtap(0, 400, { carrier: false }),
    finds: ['lower-refuses critical'],
    says: /cannot send or receive: the device below it has no carrier or is down\.$/,
    types: 'ip -d link show dev tap0',
  },
  {
    host: 'is asked about a macvtap on a device without carrier, where nothing is counted',
    taps: macvtap(0, 0, { carrier: false }),
    asked: true,
    finds: ['lower-refuses warning'],
  },
  { host: 'has an idle macvtap on a device without carrier', taps: macvtap(0, 0, { carrier: false }), finds: [] },
  {
    host: 'is asked about a macvtap whose packets a filter drops on their way out',
    taps: lossyMacvtap(300, 100),
    asked: true,
    finds: ['host-refuses warning'],
    says: /the host dropped 1 000 of 4 000 packets from its guest or writer/,
  },
  {
    host: 'is asked about a macvtap whose lower device refuses what is also seen freed',
    taps: lossyMacvtap(300, 100, 100),
    asked: true,
    finds: ['host-refuses warning'],
  },
  {
    host: 'has a macvtap on a device whose qdisc is full',
    taps: macvtap(300, 100),
    finds: ['lower-refuses critical'],
    says: /its qdisc is full, or slower than the guest\.$/,
  },
  {
    host: 'is asked about a macvtap whose send limit refuses writes, which are in tx_dropped',
    taps: macvtap(300, 100, { queues: [LIMITED] }),
    asked: true,
    finds: ['send-limit warning'],
  },
  { host: 'is asked about a macvtap that sends', taps: macvtap(300, 0), asked: true, finds: ['not-here info'] },
  {
    host: 'is asked about a macvtap that nobody has open',
    taps: macvtap(0, 0, { attachedQueues: 0 }),
    asked: true,
    finds: ['no-reader warning'],
    says: /no process has it open, so 100 packets for its guest went to the host’s own stack/,
  },
  { host: 'has a macvtap that nobody has open', taps: macvtap(0, 0, { attachedQueues: 0 }), finds: [] },
]);

test('what the kernel has in tx_dropped and the probes before tun is lost once', () => {
  const [device] = quietHost(UNPLUGGED).devices;
  assert.ok(device);
  const { lost, offered, share } = lossTowards(device);
  assert.deepEqual([lost, offered, share], [4000, 4000, 1]);
});

test('the host sends on what comes from a device to another one, which loses it', () => {
  const sends = (second: number) => ({ sentOn: [{ device: 'tap1', ports: 1, packets: 100 * second }] });
  const doubtsOf = (lost: number): readonly string[] => {
    const window = quietHost([{ more: sends }, { queues: [{ delivered: 100 - lost, lost }] }]);
    const found = judge(window, window.devices[0]).findings.find(({ rule }) => rule === 'not-here');
    return found?.doubts ?? [];
  };
  assert.match(doubtsOf(90).join(), /tap1 lost 900 of 1 000 packets: ask about tap1/);
  assert.deepEqual(doubtsOf(1), []);
});
