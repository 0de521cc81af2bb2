// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts whose devices stop their senders instead of dropping, or should.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Flow, Queue } from '../snapshot/queue.ts';

const NONE = { buckets: [], sum: 0 };
const queues = (...plans: readonly QueuePlan[]): readonly TapPlan[] => [{ queues: plans }];

function stopping(stoppedForSeconds: number | undefined, wakesLost = 0): Partial<Queue> {
  return { flow: flowOf(stoppedForSeconds, wakesLost) };
}

function flowOf(stoppedForSeconds: number | undefined, wakesLost = 0): Flow {
  return {
    stops: 1,
    stopsInferred: 0,
    wakes: [],
    stopsUnwoken: 0,
    wakesLost,
    wakesElsewhere: 0,
    stoppedSeconds: stoppedForSeconds ?? 0,
    stoppedForSeconds,
    stopDurations: NONE,
    resumeLatencies: NONE,
    sentBySoftirq: 0,
  };
}

testHosts([
  {
    host: 'lost a wake for good',
    taps: queues({ delivered: 0, occupancy: 0, more: (second) => stopping(second + 20) }),
    finds: ['backpressure-stall critical'],
    says: /is stopped for 30 s although its ring is empty: the wake was lost\.$/,
    types: 'ip link set dev tap0 txqueuelen 1001',
  },
  {
    host: 'lost a wake, and got another',
    taps: queues({ delivered: 50_000, occupancy: 1000, more: (second) => stopping(undefined, second > 4 ? 1 : 0) }),
    finds: ['backpressure-stall warning'],
    says: /^tap0 was sent nothing for a moment: 1 wake that was due did not come\.$/,
    types: 'uname -rv',
  },
  {
    host: 'stops a sender with a full ring',
    taps: queues({ delivered: 500, occupancy: 990, more: () => stopping(0.1) }),
    finds: ['bufferbloat critical'],
  },
  {
    host: 'is stopped by a full ring that is not read',
    taps: queues({ delivered: 0, occupancy: 1000, full: { sleeping: 1 }, more: (second) => stopping(second + 20) }),
    finds: ['reader-stalled critical'],
    says: /^tap0 is stopped, and its sender waits: its reader, openvpn \(pid 2211, thread 2219\), takes nothing, for 10 s\./,
  },
  {
    host: 'stops a sender for most of the time, and the qdisc overflows',
    taps: [
      {
        queues: [
          {
            delivered: 500,
            occupancy: 500,
            full: { waiting: 0.9 },
            more: (second) => ({ flow: { ...flowOf(0.01), stoppedSeconds: 0.9 * second } }),
          },
        ],
        before: { 'QDISC_OVERLIMIT@__dev_queue_xmit': 100 },
        more: () => ({ qdisc: 'fq_codel' }),
      },
    ],
    finds: ['qdisc-drop warning', 'bufferbloat info'],
    says: /^tap0 lost 1 000 of 6 000 packets in its qdisc fq_codel, because its full ring stopped it for 90 % of the time: its reader, openvpn \(pid 2211, thread 2219\), is too slow\.$/,
    types: 'taskset -pc 0-$(($(nproc --all) - 1)) 2219',
  },
  {
    host: 'lost a wake of a ring of twelve',
    taps: queues({ delivered: 0, occupancy: 0, capacity: 12, more: (second) => stopping(second + 20) }),
    finds: ['backpressure-stall critical'],
  },
  {
    host: 'has a device that lost its flow control',
    taps: [{ more: () => ({ flowControlLost: 1 }) }],
    finds: ['backpressure-lost warning'],
  },
  {
    host: 'has a device that lost its flow control and got it back',
    taps: [{ more: () => ({ flowControlLost: 1, flowControl: 'backpressure' }) }],
    finds: [],
  },
  {
    host: 'has flow control without a qdisc',
    taps: [
      {
        queues: [{ delivered: 5000, lost: 1000, full: { running: 0.9 } }],
        more: () => ({ flowControl: 'backpressure-inactive', qdisc: 'noqueue' }),
      },
    ],
    finds: ['reader-cpu-bound critical', 'backpressure-lost warning'],
  },
]);
