// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The same loss has the same severity in each window: its share and rate decide, not how long the sample was.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';

const guest = (queue: QueuePlan): readonly TapPlan[] => [
  { vm: 'web1', program: 'qemu', queues: [{ vhost: true, ...queue }] },
];
const nothingTaken = (perSecond: number): readonly TapPlan[] =>
  guest({ delivered: 0, lost: perSecond, occupancy: 1000, full: { sleeping: 1 } });
/** 60 packets a second; none is taken in the seconds of the fault. */
const during = (from: number, to: number): readonly TapPlan[] => {
  const isOn = (second: number): boolean => second > from && second <= to;
  return guest({
    delivered: (second) => (isOn(second) ? 0 : 60),
    lost: (second) => (isOn(second) ? 60 : 0),
    occupancy: (second) => (isOn(second) ? 1000 : 0),
    full: { sleeping: (second) => (isOn(second) ? 1 : 0) },
  });
};
/** One of four packets. */
const trickle = guest({ delivered: 3, lost: 1, occupancy: 1000, full: { running: 0.9 } });

testHosts([
  ...[3, 8, 10, 60, 600].flatMap((seconds) => [
    {
      host: `loses all of 24 packets a second, seen for ${seconds} s`,
      taps: nothingTaken(24),
      seconds,
      finds: ['reader-stalled critical'],
    },
    {
      host: `loses all of 8 packets a second, seen for ${seconds} s`,
      taps: nothingTaken(8),
      seconds,
      finds: ['reader-stalled info'],
    },
  ]),
  ...[10, 60, 600].map((seconds) => ({
    host: `lost all for eight seconds of ${seconds}`,
    taps: during(1, 9),
    seconds,
    finds: ['reader-stalled critical'],
  })),
  {
    host: 'loses one packet a second of four, seen for five minutes',
    taps: trickle,
    seconds: 300,
    finds: ['reader-cpu-bound warning'],
  },
]);
