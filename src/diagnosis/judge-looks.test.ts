// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts that are judged over longer times, or by fewer looks: those of minutes ago, and those at level lean.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { leanCounters, type QueuePlan, type Rate, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';

const guest = (...queues: readonly QueuePlan[]): readonly TapPlan[] => [
  { vm: 'web1', program: 'qemu', queues: queues.map((queue) => ({ vhost: true, ...queue })) },
];
const after =
  (first: number, rate: number, until = Number.POSITIVE_INFINITY): Rate =>
  (second) =>
    second > first && second <= until ? rate : 0;
const but =
  (first: number, rate: number, until = Number.POSITIVE_INFINITY): Rate =>
  (second) =>
    second > first && second <= until ? 0 : rate;
/** Takes nothing in those seconds, at 500 packets a second. */
const hangs = (first: number, until?: number): QueuePlan => ({
  delivered: but(first, 500, until),
  lost: after(first, 500, until),
  occupancy: after(first, 1000, until),
  full: { sleeping: after(first, 1, until) },
  episodes: (second) => (second === (until ?? -1) + 1 ? 1 : 0),
  needed: 6000,
});

/** Nothing is counted on the enqueue path: what went through a queue is not known where there are several. */
const lean = (plan: QueuePlan): QueuePlan => ({
  ...plan,
  episodes: undefined,
  more: (second) => ({
    counters: leanCounters(
      Object.entries(plan.dropped ?? {}).map(([reason, rate]) => ({ reason, packets: Number(rate) * second })),
    ),
  }),
});
const took =
  (rate: number) =>
  (second: number): Partial<Device> => ({
    counters: { txPackets: rate * second, txBytes: 0, txDropped: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
  });

testHosts([
  {
    host: 'has a guest of two queues that stopped five seconds ago',
    taps: guest(hangs(5), { ...hangs(5), delivered: but(5, 400) }),
    finds: ['reader-stalled critical', 'reader-stalled critical'],
    says: /takes nothing, for 5\.0 s\.$/,
  },
  {
    host: 'has a guest of two queues, of which one gave a last packet a second later',
    taps: guest(hangs(3), { ...hangs(4), delivered: but(4, 3) }),
    finds: ['reader-stalled critical', 'reader-stalled critical'],
  },
  {
    host: 'has a queue that was not served for five seconds',
    taps: guest(hangs(5), { delivered: 400 }),
    finds: ['queue-dead critical'],
    says: /it was not served for 5\.0 s, while its other queue flows\.$/,
  },
  {
    host: 'has two queues whose reader is stopped for half of each second',
    taps: guest(
      { delivered: 250, lost: 250, occupancy: 1000, full: { stopped: 0.5 } },
      { delivered: 250, lost: 250, occupancy: 1000, full: { stopped: 0.5 } },
    ),
    finds: ['reader-stalled critical', 'reader-stalled critical'],
    says: /is stopped by a signal, a debugger or the freezer, for 5\.0 s in all\.$/,
  },
  {
    host: 'has a queue that takes nothing, beside one that flows, and cannot tell them apart (lean)',
    taps: [
      {
        vm: 'web1',
        program: 'qemu',
        queues: [
          lean({ full: { sleeping: 0 } }),
          lean({ dropped: { FULL_RING: 300 }, occupancy: 1000, full: { sleeping: 1 }, vhost: true }),
        ],
        more: took(5000),
      },
    ],
    finds: ['ring-full-unexplained critical'],
    says: /it is not known whether packets were taken meanwhile\.$/,
  },
  {
    host: 'has a filter that refuses a few packets of one queue of two (lean)',
    taps: [{ queues: [lean({ dropped: { TAP_TXFILTER: 25 } }), lean({})], more: took(5000) }],
    finds: ['filter-drop info'],
    says: /^tap0 queue 0 had 250 of 50 250 packets refused/,
  },
  {
    host: 'has a guest that takes nothing, for the one second that is looked at',
    taps: guest({ delivered: 0, lost: 500, occupancy: 1000, full: { sleeping: 1 } }),
    seconds: 1,
    finds: ['guest-not-refilling critical'],
  },
  {
    host: 'has a reader that was stopped a second ago',
    taps: guest({ ...hangs(9), full: { stopped: after(9, 1) } }),
    finds: ['reader-stalled critical'],
    says: /is stopped by a signal, a debugger or the freezer, for 1\.0 s in all\.$/,
  },
  {
    host: 'has a guest that pauses since a second',
    taps: guest(hangs(9)),
    finds: ['reader-stalled info'],
    says: /in one pause of its reader, vhost-2211 \(thread 2219\), which lasts until now\.$/,
  },
  {
    host: 'had a guest that hung for eleven seconds, within ten minutes',
    taps: guest(hangs(200, 211)),
    seconds: 600,
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 11 s, until recently\.$/,
  },
  {
    host: 'had a guest that took no broadcasts for ten minutes',
    taps: guest({ delivered: 0, lost: 5, occupancy: 1000, full: { sleeping: 1 } }),
    seconds: 600,
    finds: ['reader-stalled info'],
  },
  {
    host: 'had a guest that hung for eleven seconds between samples',
    taps: guest(hangs(32, 43)),
    seconds: 60,
    stepSeconds: 30,
    finds: ['ring-full-unexplained critical'],
    says: /it is not known whether packets were taken meanwhile\.$/,
  },
  {
    host: 'had a guest that hung for eleven of six hundred seconds, between samples',
    taps: guest(hangs(32, 43)),
    seconds: 600,
    stepSeconds: 30,
    finds: ['ring-full-unexplained critical'],
  },
  {
    host: 'had a guest that hung for a minute between samples',
    taps: guest(hangs(31, 95)),
    seconds: 120,
    stepSeconds: 30,
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 30 s, until recently\.$/,
  },
  {
    host: 'had a guest that was stopped between samples',
    taps: guest({ ...hangs(32, 43), full: { stopped: after(32, 1, 43) } }),
    seconds: 600,
    stepSeconds: 30,
    finds: ['reader-stalled critical'],
    says: /is stopped by a signal, a debugger or the freezer, for 11 s in all\.$/,
  },
  {
    host: 'had a guest that paused for a second between samples, as in a migration',
    taps: guest({ ...hangs(34, 35), delivered: but(34, 5000, 35), lost: after(34, 4000, 35) }),
    seconds: 60,
    stepSeconds: 30,
    finds: ['reader-stalled info'],
    says: /one pause/,
  },
  {
    host: 'had bursts between samples',
    taps: guest({ delivered: 5000, lost: 100, full: { running: 0.02 }, episodes: 2, needed: 1500 }),
    seconds: 60,
    stepSeconds: 30,
    finds: ['ring-full-burst warning'],
  },
  {
    host: 'had packets in the ring at two samples that were far apart',
    taps: [{ queues: [{ delivered: 500, occupancy: 100 }] }],
    seconds: 30,
    stepSeconds: 30,
    finds: [],
  },
  {
    host: 'had a standing queue at each of many samples that were far apart',
    taps: [{ queues: [{ delivered: 500, occupancy: 2500, capacity: 6000 }] }],
    seconds: 300,
    stepSeconds: 30,
    finds: ['bufferbloat critical'],
  },
]);
