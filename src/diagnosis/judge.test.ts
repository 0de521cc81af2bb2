// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts and what is found on them: for each rule one that it speaks of, and its nearest look-alike.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { type QueuePlan, quietHost, SECONDS, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import { judge } from './judge.ts';

const flood: QueuePlan = { delivered: 5000, lost: 1000, occupancy: 1000, episodes: 0 };
const on = (...queues: readonly QueuePlan[]): readonly TapPlan[] => [{ queues }];
const LIBVIRT = { vm: 'web1', program: 'qemu', identity: { runtime: 'libvirt' } };
const guest = (...queues: readonly QueuePlan[]): readonly TapPlan[] => [
  { ...LIBVIRT, queues: queues.map((queue) => ({ vhost: true, ...queue })) },
];
/** The guest has not taken a packet yet. */
const newborn = (tap: TapPlan, queue: QueuePlan = {}): readonly TapPlan[] => [
  {
    ...LIBVIRT,
    history: 0,
    queues: [{ vhost: true, delivered: 0, lost: 50, occupancy: 1000, full: { sleeping: 1 }, ...queue }],
    ...tap,
  },
];
const inSecond =
  (which: number, rate: number, else_ = 0) =>
  (second: number): number =>
    second === which ? rate : else_;

testHosts([
  { host: 'is quiet', taps: [{}], finds: [] },
  {
    host: 'is under bulk load at 95 % of what its reader takes',
    taps: on({ delivered: 9500, occupancy: 40, full: { running: 0 } }),
    finds: [],
  },
  {
    host: 'lost one ARP request of two',
    taps: on({ delivered: 0.1, lost: 0.1 }),
    finds: [],
  },
  {
    host: 'has a txqueuelen of 0',
    taps: on({ capacity: 0, lost: 200, full: { sleeping: 1 } }),
    finds: ['txqlen-zero critical'],
    says: /^tap0 loses every packet to its reader \(2 000 in 10 s\)/,
    types: 'ip link set dev tap0 txqueuelen 1000',
  },
  { host: 'has a txqueuelen of 0, and gets no packets', taps: on({ capacity: 0 }), finds: [] },
  {
    host: 'has a stopped reader',
    taps: on({ lost: 500, occupancy: 1000, full: { stopped: 1 } }),
    finds: ['reader-stalled critical'],
    says: /^tap0 lost 5 000 of 5 000 packets: its reader, openvpn \(pid 2211, thread 2219\), is stopped by a signal/,
    types: 'kill -CONT 2211',
  },
  {
    host: 'has a reader that was stopped four seconds ago',
    taps: on({
      delivered: (s) => (s > 6 ? 0 : 500),
      lost: (s) => (s > 6 ? 500 : 0),
      occupancy: (s) => (s > 6 ? 1000 : 0),
      full: { sleeping: (s) => (s > 6 ? 1 : 0) },
    }),
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 4\.0 s\./,
  },
  {
    host: 'has a guest that pauses for a second, as in a migration',
    taps: guest({
      delivered: inSecond(5, 100, 5000),
      lost: inSecond(5, 4000),
      full: { sleeping: inSecond(5, 0.9) },
      episodes: inSecond(6, 1),
      needed: 5000,
    }),
    finds: ['reader-stalled info'],
    says: /one pause/,
  },
  {
    host: 'has a guest that boots',
    taps: newborn({ startedBefore: 30 }),
    finds: ['reader-stalled info'],
    says: /boots, or/,
  },
  {
    host: 'has a guest that boots, and its start is unknown',
    taps: newborn({}),
    finds: ['reader-stalled info'],
    says: /boots, or has no driver/,
  },
  {
    host: 'has a guest that should have booted by now',
    taps: newborn({}, { fullBefore: 300 }),
    finds: ['reader-stalled critical'],
    types: 'virsh domstate --reason web1',
  },
  {
    host: 'has a guest that should have booted before the agent started',
    taps: newborn({ startedBefore: 300 }),
    finds: ['reader-stalled critical'],
  },
  {
    host: 'has a guest that never took a packet; its start is unknown, and readers are not sampled',
    taps: newborn({}, { full: undefined }),
    finds: ['reader-stalled critical'],
  },
  {
    host: 'has an idle guest that takes no broadcasts',
    taps: guest({ delivered: 0, lost: 5, occupancy: 1000, full: { sleeping: 1 } }),
    finds: ['reader-stalled info'],
  },
  {
    host: 'has a reader without a CPU',
    taps: guest({ ...flood, full: { waiting: 0.7, running: 0.2 } }),
    finds: ['reader-starved critical'],
    says: /^tap0 \(VM web1\) lost 10 000 of 60 000 packets: its reader, vhost-2211 \(thread 2219\), or its guest could run and got no CPU for 78 % of the time the ring was full\.$/,
    types: 'virsh emulatorpin web1 $(seq 0 $(($(nproc --all) - 1)) | grep -vx 1 | paste -sd,) --live',
  },
  {
    host: 'has a guest whose CPU time is used up',
    taps: guest({ ...flood, full: { throttled: 0.7, running: 0.2 } }),
    finds: ['reader-starved critical'],
    says: /had used up its cgroup’s CPU time for 78 %/,
    types: 'virsh schedinfo web1 --live --set vcpu_quota=-1 emulator_quota=-1',
  },
  {
    host: 'lets a reader wait that loses nothing',
    taps: on({ delivered: 5000, occupancy: 300, full: { waiting: 0.01 } }),
    finds: [],
  },
  {
    host: 'has a reader at its limit',
    taps: on({ ...flood, full: { running: 0.9, waiting: 0.1 } }),
    finds: ['reader-cpu-bound critical'],
    says: /could not keep up\.$/,
  },
  {
    host: 'has a reader at its limit that loses one packet in a thousand',
    taps: on({ ...flood, delivered: 50_000, lost: 60, full: { running: 0.9 } }),
    finds: ['reader-cpu-bound warning'],
  },
  {
    host: 'has a reader at its limit that loses next to nothing',
    taps: on({ ...flood, delivered: 50_000, lost: 20, full: { running: 0.9 } }),
    finds: [],
  },
  {
    host: 'has a guest that posts too few buffers',
    taps: guest({ ...flood, full: { sleeping: 0.9 }, noBuffer: 4000 }),
    finds: ['guest-not-refilling critical'],
    says: /gave back receive buffers too slowly/,
  },
  {
    host: 'has a guest that posts too few buffers, to a worker that waits its turn',
    taps: guest({ ...flood, full: { sleeping: 0.3, waiting: 0.5, running: 0.1 }, noBuffer: 4000 }),
    finds: ['guest-not-refilling critical'],
  },
  {
    host: 'has a VPN that sleeps, and waits for a CPU of a busy host when it wakes',
    taps: on({ ...flood, full: { sleeping: 0.4, waiting: 0.3, running: 0.2 } }),
    finds: ['reader-blocked critical'],
  },
  {
    host: 'has a VPN that sleeps while its queue is full',
    taps: on({ ...flood, full: { sleeping: 0.9 } }),
    finds: ['reader-blocked critical'],
  },
  {
    host: 'has bursts that overflow the ring',
    taps: on({ delivered: 5000, lost: 100, full: { running: 0.02 }, episodes: 2, needed: 1500 }),
    finds: ['ring-full-burst warning'],
    types: 'ip link set dev tap0 txqueuelen 2000',
  },
  {
    host: 'has bursts that wake a reader on a busy machine',
    taps: on({ delivered: 5000, lost: 100, full: { running: 0.06, waiting: 0.1 }, episodes: 2, needed: 1500 }),
    finds: ['ring-full-burst warning'],
  },
  {
    host: 'keeps a reader from its CPU now and then',
    taps: on({ delivered: 5000, lost: 100, full: { running: 0.01, waiting: 0.15 }, episodes: 2, needed: 1500 }),
    finds: ['reader-starved warning'],
  },
  {
    host: 'has a reader that waits its turn for a moment at each burst',
    taps: on({ delivered: 5000, lost: 100, full: { running: 0.01, waiting: 0.15 }, episodes: 5, needed: 1500 }),
    finds: ['ring-full-burst warning'],
  },
  {
    host: 'has bursts that the ring holds',
    taps: on({ delivered: 5000, occupancy: (s) => (s % 3 === 0 ? 900 : 0), full: { running: 0.02 } }),
    finds: [],
  },
  {
    host: 'has bursts, and readers are not sampled',
    taps: on({ delivered: 5000, lost: 100, full: undefined, episodes: 2, needed: 1500 }),
    finds: ['ring-full-burst warning'],
  },
  {
    host: 'loses at a full ring, and readers are not sampled',
    taps: on({ ...flood, full: undefined }),
    agent: {
      probes: ['devices', 'freed', 'before'].map((event) => ({
        event,
        mechanism: 'x',
        attached: true,
        reason: undefined,
        missed: 0,
      })),
    },
    finds: ['ring-full-unexplained critical'],
    says: /readers are not sampled here/,
    types: 'tapscope doctor',
  },
  {
    host: 'has a reader that does everything by turns',
    taps: on({ ...flood, full: { running: 0.3, waiting: 0.3, sleeping: 0.3 } }),
    finds: ['ring-full-unexplained critical'],
  },
  {
    host: 'sends to a tap that no process has open',
    taps: [{ queues: [], before: { 'QDISC_DROP@__dev_queue_xmit': 100 }, more: () => ({ persistent: true }) }],
    finds: ['no-reader warning'],
    says: /^tap0 loses every packet sent to it \(1 000 in 10 s\): no process has it open\.$/,
  },
  {
    host: 'sends on to a tap that lost its reader a moment ago',
    taps: [
      {
        queues: [],
        before: { 'QDISC_DROP@__dev_queue_xmit': (s) => (s > 7 ? 100 : 0) },
        more: (s) => ({ attachedQueues: s > 7 ? 0 : 1 }),
      },
    ],
    finds: ['no-reader warning'],
    says: /^tap0 loses every packet sent to it \(200 in 2 s\)/,
  },
  {
    host: 'has a reader that gets next to no CPU',
    taps: on({ lost: 500, occupancy: 1000, full: { waiting: 0.95, running: 0.05 } }),
    finds: ['reader-starved critical'],
  },
  {
    host: 'has a full ring that is not read and gets no packets',
    taps: on({ occupancy: 1000 }),
    finds: [],
  },
  {
    host: 'has a tap left over that gets some multicast',
    taps: [{ queues: [], before: { 'QDISC_DROP@__dev_queue_xmit': 0.5 } }],
    finds: [],
  },
  {
    host: 'has fq_codel before a ring that loses',
    taps: [{ queues: [{ ...flood, full: { running: 0.9 } }], more: () => ({ qdisc: 'fq_codel' }) }],
    finds: ['reader-cpu-bound critical', 'qdisc-decorative info'],
  },
  {
    host: 'has fq_codel before a ring that loses nothing',
    taps: [{ more: () => ({ qdisc: 'fq_codel' }) }],
    finds: [],
  },
  {
    host: 'had a ring made smaller',
    taps: [{ more: (s) => ({ uncounted: [{ cause: 'resized', packets: s > 4 ? 130 : 0 }] }) }],
    finds: ['self-inflicted info'],
    says: /130 packets .* txqueuelen was made smaller/,
  },
  {
    host: 'had a ring made smaller before the window',
    taps: [{ more: () => ({ uncounted: [{ cause: 'resized', packets: 130 }] }) }],
    finds: [],
  },
  {
    host: 'has namespaces that cannot be entered',
    taps: [{}],
    agent: { namespacesUnresolved: 3 },
    finds: ['agent-blind info'],
    says: /3 namespaces could not be entered/,
  },
  {
    host: 'has two faults on two devices',
    taps: [
      ...on({ lost: 500, occupancy: 1000, full: { stopped: 1 } }),
      ...on({ delivered: 5000, lost: 100, full: { running: 0.02 }, episodes: 2, needed: 1500 }),
    ],
    finds: ['reader-stalled critical', 'tap1 ring-full-burst warning'],
  },
]);

test('what is missing on the host is said, and nothing is judged by it', () => {
  const probes = [{ event: 'devices', mechanism: 'walk', attached: true, reason: undefined, missed: 0 }];
  const { findings, unjudged } = judge(quietHost(on({ ...flood, full: { running: 1 } }), { probes }, SECONDS));
  assert.deepEqual(findings, []);
  assert.ok(
    unjudged.some(
      ({ rule, because }) => rule === 'reader-starved' && because === 'drops and states of readers are not watched',
    ),
  );
});
