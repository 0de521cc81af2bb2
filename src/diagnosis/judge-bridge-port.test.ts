// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// When a port of a bridge is a finding, and when it is as its operator wants it.
import { OPEN_PORT } from '../../test/snapshots/bridge-port.ts';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { BridgePort } from '../snapshot/device.ts';

/** Its guest sends so many packets a second, of which the bridge frees `refused`; nothing reaches it unless `delivered`. */
function tap(port: Partial<BridgePort>, { sends = 0, delivered = 0, from = 0, refused = 0 } = {}): readonly TapPlan[] {
  const counters = (second: number) => ({
    txPackets: delivered * second,
    txBytes: 0,
    txDropped: 0,
    rxPackets: sends * second,
    rxBytes: 0,
    rxDropped: 0,
  });
  const more = (second: number) => ({
    counters: counters(second),
    bridgePort: { ...OPEN_PORT, ...(second < from ? {} : port) },
    receive: {
      dropped: [],
      refusedByHost: [{ reason: 'BRIDGE_INGRESS_STP_STATE', location: 'br_handle_frame', packets: refused * second }],
      refused: undefined,
      frameErrors: 0,
    },
  });
  return [{ queues: [{ delivered }], more }];
}

const blocking = { state: 'blocking', stp: 'kernel' } as const;
const disabled = { state: 'disabled' } as const;

testHosts([
  {
    host: 'is asked about an idle port',
    taps: tap({}),
    asked: true,
    finds: ['not-here info'],
    says: /^tap0 saw no packet/,
  },
  {
    host: 'is asked about an idle port of a bridge that filters VLANs',
    taps: tap({ filtersVlans: true }),
    asked: true,
    finds: ['not-here info'],
    says: /^tap0 shows no cause of a loss/,
    types: 'bridge vlan show dev tap0',
  },
  {
    host: 'is asked about a port of a bridge that filters VLANs, and packets reach it',
    taps: tap({ filtersVlans: true }, { delivered: 10 }),
    asked: true,
    finds: ['not-here info'],
    says: /^tap0 lost no packet here/,
  },
  { host: 'has a port that forwards', taps: tap({}), finds: [] },
  { host: 'has a disabled port that nothing is known to use', taps: tap(disabled), finds: [] },
  {
    host: 'has a disabled port, and its guest sends',
    taps: tap(disabled, { sends: 5 }),
    finds: ['bridge-port warning'],
  },
  {
    host: 'has a port that was disabled while packets passed',
    taps: tap(disabled, { delivered: 100, from: 5 }),
    finds: ['bridge-port warning'],
    says: /br0 forwards nothing to it and takes nothing from it: its port is disabled/,
    types: 'ip netns exec blue bridge link set dev tap0 state 3',
    agent: { netns: 2, namespacePaths: new Map([[1, '/run/netns/blue']]) },
  },
  {
    host: 'has a bridge that was set down',
    taps: tap({ ...disabled, bridgeUp: false }),
    asked: true,
    finds: ['bridge-port warning'],
    says: /br0 is down/,
  },
  {
    host: 'has a bridge that was set down while its guest sends',
    taps: tap({ ...disabled, bridgeUp: false }, { sends: 100, refused: 100 }),
    asked: true,
    finds: ['bridge-port warning', 'host-refuses warning'],
    says: /br0 is down/,
  },
  { host: 'has a second way, which the spanning tree blocks', taps: tap(blocking), finds: [] },
  { host: 'has such a way, and its guest sends', taps: tap(blocking, { sends: 5 }), finds: ['bridge-port info'] },
  {
    host: 'is asked about a port that the spanning tree blocks',
    taps: tap(blocking),
    asked: true,
    finds: ['bridge-port warning'],
    says: /the spanning tree blocks its port/,
  },
  { host: 'has a port that learns', taps: tap({ state: 'learning' }, { sends: 5 }), finds: [] },
  { host: 'isolates its guests', taps: tap({ isolated: true, isolatedBeside: 3 }), finds: [] },
  {
    host: 'isolates its guests, of which one that got nothing is asked about',
    taps: tap({ isolated: true, isolatedBeside: 3 }),
    asked: true,
    finds: ['bridge-port warning'],
  },
  {
    host: 'isolates its guests, and others reach the one that is asked about',
    taps: tap({ isolated: true, isolatedBeside: 3 }, { delivered: 10 }),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'does not flood, and knows the address of a guest that sends',
    taps: tap({ floods: false }, { sends: 5 }),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'does not flood, and knows no address of a guest that is silent',
    taps: tap({ floods: false }),
    asked: true,
    finds: ['bridge-port warning'],
    says: /its port does not flood/,
  },
]);
