// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts in which what comes from a device, or goes to it, waits in front of other devices.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device, SentOn, WaitBeyond } from '../snapshot/device.ts';
import type { OthersBacklog } from '../snapshot/surroundings.ts';

const tap = (queue: QueuePlan, more: TapPlan['more']): readonly TapPlan[] => [
  { queues: [queue], ...(more && { more }) },
];

/** The guest sends a hundred a second, all of it by eth0, in front of which `packets` stand and `sends` a second leave. */
function sendsOn(packets: number, sends: number, more: Partial<Device> = {}): TapPlan['more'] {
  return (second) => ({
    sentOn: [{ device: 'eth0', ports: 1, packets: 100 * second }],
    surroundings: {
      redirects: [],
      strays: [],
      unread: [],
      backlogs: [{ device: 'eth0', kind: 'tbf', packets, bytes: 1000 * packets, sent: 7 + sends * second }],
    },
    ...more,
  });
}

const PORT: Partial<Device> = {
  bridgePort: {
    ...{ bridge: 'br0', bridgeUp: true, state: 'forwarding', stp: 'off' },
    ...{ isolated: false, isolatedBeside: 0, learns: true, floods: true },
  },
};

/** The same by this way; 200 packets stand at eth0, which has this place. */
function sendsBy(way: Omit<SentOn, 'packets'>, place: Partial<OthersBacklog>, more: Partial<Device> = {}) {
  return (second: number): Partial<Device> => ({
    sentOn: [{ ...way, packets: 100 * second }],
    surroundings: {
      redirects: [],
      strays: [],
      unread: [],
      backlogs: [{ device: 'eth0', kind: 'tbf', packets: 200, bytes: 200_000, sent: 100 * second, ...place }],
    },
    ...more,
  });
}

testHosts([
  {
    host: 'sends on what the guest sends by an uplink whose shaper holds it for two seconds',
    taps: tap({ delivered: 10 }, sendsOn(200, 100)),
    asked: true,
    finds: ['onward-delay critical'],
    says: /^tap0: what its guest or writer sends waits about 2\.0 s in the qdisc tbf of eth0, by which the host sends it on\.$/,
    types: 'tc -s qdisc show dev eth0',
  },
  {
    host: 'has such an uplink, and nobody asks',
    taps: tap({ delivered: 10 }, sendsOn(200, 100)),
    finds: [],
  },
  {
    host: 'has an uplink that holds packets for a moment',
    taps: tap({ delivered: 10 }, sendsOn(5, 100)),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'has an uplink that holds the packets of others',
    taps: tap({ delivered: 10 }, sendsOn(200, 100, { sentOn: [{ device: 'eth1', ports: 1, packets: 500 }] })),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'sends by a VXLAN on an uplink whose shaper holds it for two seconds',
    taps: tap({ delivered: 10 }, sendsBy({ device: 'vxlan7', ports: 1 }, { above: ['vxlan7'] })),
    asked: true,
    finds: ['onward-delay critical'],
  },
  {
    host: 'sends by another VXLAN than the one on that uplink',
    taps: tap({ delivered: 10 }, sendsBy({ device: 'vxlan8', ports: 1 }, { above: ['vxlan7'] })),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'copies what the guest sends to all ports of its bridge, and one of these waits for two seconds',
    taps: tap({ delivered: 10 }, sendsBy({ ports: 3 }, { bridge: 'br0' }, PORT)),
    asked: true,
    finds: ['onward-delay critical'],
  },
  {
    host: 'copies to the ports of its bridge, and a port of another one waits',
    taps: tap({ delivered: 10 }, sendsBy({ ports: 3 }, { bridge: 'br1' }, PORT)),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'has an IFB that holds what the guest sends for a second',
    taps: tap({ delivered: 10 }, (second) => ({
      sentOn: [],
      surroundings: {
        redirects: [{ from: 'tap0', to: 'ifb0', hook: 'ingress', isCopy: false, packets: 100 * second, failed: 0 }],
        strays: [],
        unread: [],
        backlogs: [{ device: 'ifb0', kind: 'tbf', packets: 100, bytes: 10_000, sent: 100 * second }],
      },
    })),
    asked: true,
    finds: ['onward-delay critical'],
  },
  {
    host: 'sends by a veth, behind which another namespace holds the packets for two seconds',
    taps: tap({ delivered: 10 }, waitsBehind({ seconds: 2 })),
    agent: { namespaceNames: new Map([[4026532999, 'blue']]) },
    asked: true,
    finds: ['onward-delay critical'],
    says: /^tap0: what its guest or writer sends waits about 2\.0 s in the qdisc of c0, behind eth0, in the network namespace blue\.$/,
  },
  {
    host: 'sends by a veth, behind which nothing waits for long',
    taps: tap({ delivered: 10 }, waitsBehind({ seconds: 0.02 })),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'sends by a veth, behind which packets had waited before the question',
    taps: tap({ delivered: 10 }, waitsBehind({ seconds: 0.02, before: 5000 })),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'is one whose kernel refuses the programs that follow packets',
    taps: tap({ delivered: 10 }, () => ({ unfollowed: ['by which devices its packets leave (EPERM)'] })),
    asked: true,
    finds: ['not-here info'],
    doubts: /^the kernel does not show by which devices its packets leave \(EPERM\)$/,
  },
  {
    host: 'has a policy of IPsec that lets its programs send nothing',
    taps: tap({ delivered: 10 }, refusing(100)),
    asked: true,
    finds: ['not-here info'],
    doubts: /^programs of its namespace were not let send [\d\u00a0 ]+ packets, .* \(XfrmOutPolBlock\): /,
  },
  {
    host: 'has programs that send a few packets without a route',
    taps: tap({ delivered: 10 }, refusing(1)),
    asked: true,
    finds: ['not-here info'],
    doubts: /^$/,
  },
]);

/** Each of a hundred packets a second waits so long in front of c0; `before`: seconds of all until the window begins. */
function waitsBehind({ seconds, before = 0 }: { readonly seconds: number; readonly before?: number }): TapPlan['more'] {
  return (second) => {
    const wait: WaitBeyond = {
      ...{ device: 'c0', netns: 4026532999, sentBy: 'eth0' },
      ...{ packets: 7 + 100 * second, seconds: before + seconds * 100 * second },
    };
    return { sentOn: [{ device: 'eth0', ports: 1, packets: 100 * second }], waitsBeyond: [wait] };
  };
}

/** So many packets a second. */
function refusing(packets: number): TapPlan['more'] {
  return (second) => ({
    surroundings: {
      redirects: [],
      strays: [],
      unread: [],
      refusedSends: [{ counter: 'XfrmOutPolBlock', packets: 5000 + packets * second }],
    },
  });
}
