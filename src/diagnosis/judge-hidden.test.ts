// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts on which the kernel drops what a guest sends, and no probe sees why.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';

/** Packets a second from the guest, and besides those that the kernel dropped and no probe saw freed. */
function received(rxPackets: number, rxDropped: number, xdp = 0, measured = true): readonly TapPlan[] {
  const more: TapPlan['more'] = (second) => ({
    counters: {
      txPackets: 0,
      txBytes: 0,
      txDropped: 0,
      rxPackets: rxPackets * second,
      rxBytes: 0,
      rxDropped: rxDropped * second,
    },
    receive: {
      dropped: measured ? [] : undefined,
      refusedByHost: [],
      refused: undefined,
      frameErrors: 0,
      xdp: { native: xdp, generic: 0 },
    },
  });
  return [{ queues: [{ delivered: 0 }], more }];
}

testHosts([
  {
    host: 'has a device whose rx_dropped grows, and no probe saw why',
    taps: [{}, ...received(1000, 50)],
    finds: ['tap1 agent-blind info'],
    says: /^tap1: the kernel’s rx_dropped grew by 500 and no probe saw why\./,
    types: 'ip -s -s link show dev tap1',
  },
  {
    host: 'is asked about such a device: not-here is not given',
    taps: received(1000, 50),
    asked: true,
    finds: ['agent-blind info'],
  },
  {
    host: 'has a device whose counter was read a little later than what the probes saw',
    taps: received(1000, 10),
    finds: [],
  },
  {
    host: 'has a device of which nothing measures drops: agent-blind says that of the host',
    taps: received(1000, 50, 0, false),
    finds: [],
  },
  {
    host: 'has an XDP program in tun, which drops on purpose',
    taps: received(1000, 50, 7),
    finds: ['xdp-drop info'],
  },
  {
    host: 'has seven of them: the worst are named',
    taps: [6, 5, 4, 3, 2, 1, 7].flatMap((tens) => received(0, 10 * tens)),
    finds: ['tap6', 'tap0', 'tap1', 'tap2', 'tap3'].map(
      (name) => `${name === 'tap0' ? '' : `${name} `}agent-blind info`,
    ),
  },
]);
