// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts on which somebody asks about one device: what is said of it where nothing, or little, is wrong.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';

const queues = (...plans: readonly QueuePlan[]): readonly TapPlan[] => [{ queues: plans }];

testHosts([
  {
    host: 'is asked about a device that is well',
    taps: [{}],
    asked: true,
    finds: ['not-here info'],
    says: /^tap0 lost no packet here: packets that are missing were lost elsewhere\.$/,
  },
  ...[
    {
      host: 'that lost packets until its remedy',
      until: 5,
      says: /^tap0 lost 48 packets here until 5\.0 s ago, and none since: that has ended\.$/,
    },
    {
      host: 'that lost some a moment ago',
      until: 9,
      says: /^tap0 lost only 48 packets here: if more are missing, they were lost elsewhere\.$/,
    },
  ].map(({ host, until, says }) => ({
    host: `is asked about a device ${host}`,
    taps: queues({ delivered: 5000, lost: (second) => (second === until ? 48 : 0) }),
    asked: true as const,
    finds: ['not-here info'],
    says,
  })),
  {
    host: 'is asked about a device that is not',
    taps: queues({ lost: 500, occupancy: 1000, full: { stopped: 1 } }),
    asked: true,
    finds: ['reader-stalled critical'],
  },
  {
    host: 'is asked about a device whose reader takes none of a trickle',
    taps: queues({ delivered: 0, occupancy: (second) => 20 + 2 * second }),
    asked: true,
    finds: ['reader-stalled info'],
    says: /^tap0 is not read: its reader, openvpn \(pid 2211, thread 2219\), takes nothing, for 10 s\.$/,
    types: 'ps -L -o pid,tid,stat,etime,pcpu,wchan:24,comm -p 2211',
  },
  {
    host: 'is asked about a device that loses a trickle, for it has no reader',
    taps: queues({ delivered: 0, occupancy: 1000, lost: 6, full: { sleeping: 1 } }),
    asked: true,
    finds: ['reader-stalled warning'],
  },
  {
    host: 'is asked about a device that could not be watched well',
    taps: [{ more: () => ({ degraded: ['packets come past the offered probe'] }) }],
    asked: true,
    finds: ['agent-blind info'],
    says: /^The figures of tap0 are not exact: packets come past the offered probe\.$/,
  },
  {
    host: 'is asked about one of many devices whose figures are not exact',
    taps: Array.from({ length: 6 }, () => ({ more: () => ({ degraded: ['packets come past the offered probe'] }) })),
    asked: true,
    finds: ['agent-blind info'],
  },
]);
