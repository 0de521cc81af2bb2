// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts with a device that is down, and what is said of them.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';

testHosts([
  {
    host: 'set a device down while packets passed',
    taps: [
      {
        more: (second) => ({
          up: second < 4,
          counters: {
            txPackets: 100 * Math.min(second, 4),
            txBytes: 0,
            txDropped: 0,
            rxPackets: 0,
            rxBytes: 0,
            rxDropped: 0,
          },
        }),
      },
    ],
    finds: ['device-down warning'],
    says: /^tap0 is down: the kernel forwards nothing to it and takes nothing from it\.$/,
    types: 'ip link set dev tap0 up',
  },
  {
    host: 'has a device that is down and that nothing uses',
    taps: [
      {
        more: () => ({
          up: false,
          counters: { txPackets: 0, txBytes: 0, txDropped: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
        }),
      },
    ],
    finds: [],
  },
  {
    host: 'is asked about a device that is set down and up again and again',
    taps: [{ more: (second) => ({ up: second % 3 !== 2 }) }],
    asked: true,
    finds: ['device-down warning'],
    says: /^tap0 was set down and up again: in \d of \d+ samples it was down, and nothing could be sent to it\.$/,
    types: 'ip monitor link',
  },
  {
    host: 'is asked about a device that came up meanwhile',
    taps: [{ more: (second) => ({ up: second > 3 }) }],
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'has a device that was set down and up again',
    taps: [{ more: (second) => ({ up: second !== 3 }) }],
    finds: [],
  },
]);
