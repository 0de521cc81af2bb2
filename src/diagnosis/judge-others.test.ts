// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts on which something else than a single full ring is wrong, and their nearest look-alikes.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { leanCounters, type QueuePlan, type Rate, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';

const before = (drops: Readonly<Record<string, Rate>>, more: Partial<Device> = {}): readonly TapPlan[] => [
  { before: drops, more: () => more },
];
const queues = (...plans: readonly QueuePlan[]): readonly TapPlan[] => [{ queues: plans }];

function from(writes: Readonly<Record<string, number>>, more: Partial<Device> = {}): readonly TapPlan[] {
  const refused = (second: number) => Object.entries(writes).map(([errno, rate]) => ({ errno, writes: rate * second }));
  return [{ more: (second) => ({ receive: { dropped: [], refused: refused(second), frameErrors: 0 }, ...more }) }];
}

/** Before Linux 7.3, at level lean: what went through which of several queues is not known. */
const lean: TapPlan = {
  queues: [{}, {}].map((_, index) => ({
    full: index === 0 ? { running: 0.9 } : {},
    more: (second) => ({
      counters: leanCounters([{ reason: 'FULL_RING', packets: index === 0 ? 10 * second : 0 }]),
    }),
  })),
  more: (second) => ({
    counters: { txPackets: 1000 * second, txBytes: 0, txDropped: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
  }),
};

testHosts([
  {
    host: 'has one queue of four that is not served',
    taps: queues({ delivered: 300 }, { delivered: 300 }, { lost: 300, occupancy: 1000, full: { sleeping: 1 } }),
    finds: ['queue-dead critical'],
    says: /^tap0 queue 2 lost 3 000 of 3 000 packets: it was not served for 10 s, while 2 of its 2 other queues flow\.$/,
  },
  {
    host: 'has one queue of three that is not served, and threads of its owner that wait for a CPU now and then',
    taps: queues(
      { delivered: 300 },
      { delivered: 300 },
      { lost: 300, occupancy: 1000, full: { waiting: 0.55, sleeping: 0.3, running: 0.15 } },
    ),
    finds: ['queue-dead critical'],
  },
  {
    host: 'has one queue of three whose thread gets no CPU',
    taps: queues({ delivered: 300 }, { delivered: 300 }, { lost: 300, occupancy: 1000, full: { waiting: 0.97 } }),
    finds: ['reader-starved critical'],
  },
  {
    host: 'has a queue that is not served and gets no packets',
    taps: queues({ delivered: 300 }, { occupancy: 1000 }),
    finds: [],
  },
  {
    host: 'has all the load in one queue of four',
    taps: queues(
      { delivered: 20 },
      { delivered: 700, lost: 700, full: { sleeping: 0.9 }, occupancy: 900 },
      { delivered: 20 },
    ),
    finds: ['queue-hot critical', 'reader-blocked info'],
    says: /^tap0 queue 1 lost 7 000 packets: it gets 97 % of the device’s packets/,
  },
  {
    host: 'has nearly all the load in one queue, while another loses some broadcasts',
    taps: queues({ delivered: 12, lost: 4 }, { delivered: 700, lost: 700, full: { sleeping: 0.9 }, occupancy: 900 }),
    finds: ['queue-hot critical', 'reader-blocked info'],
    says: /its 1 sibling the rest, of which 40 were lost\.$/,
  },
  {
    host: 'loses at one of two queues that cannot be told apart (lean)',
    taps: [lean],
    finds: ['reader-cpu-bound warning'],
  },
  {
    host: 'sends a single flow, which overflows its queue',
    taps: queues({}, { delivered: 700, lost: 700, full: { sleeping: 0.9 }, occupancy: 900 }),
    finds: ['reader-blocked critical'],
  },
  {
    host: 'has a queue limit that is too small',
    taps: before({ 'QDISC_OVERLIMIT@__dev_queue_xmit': 100 }, { qdisc: 'tbf' }),
    finds: ['qdisc-drop warning'],
    says: /^tap0 lost 1 000 of 11 000 packets in its qdisc tbf, before they reached it/,
    types: 'tc -s qdisc show dev tap0',
  },
  {
    host: 'has a queue limit that is too small, and frames too long for its bridge',
    taps: before(
      { 'QDISC_OVERLIMIT@__dev_queue_xmit': 100, 'NOT_SPECIFIED@br_dev_queue_push_xmit': 0.5 },
      { qdisc: 'tbf' },
    ),
    finds: ['qdisc-drop warning', 'bridge-mtu warning'],
  },
  {
    host: 'has codel at work, by the name that old kernels have for it',
    taps: before({ 'NOT_SPECIFIED@fq_codel_dequeue': 15 }, { qdisc: 'fq_codel' }),
    finds: [],
  },
  {
    host: 'has codel at work',
    taps: before({ 'QDISC_CONGESTED@__dev_queue_xmit': 15 }, { qdisc: 'fq_codel' }),
    finds: [],
  },
  {
    host: 'has fq with packets of another clock',
    taps: before({ 'QDISC_HORIZON_LIMIT@__dev_queue_xmit': 1000 }, { qdisc: 'fq' }),
    finds: ['fq-horizon critical'],
    types: 'tc qdisc replace dev tap0 root fq_codel',
  },
  {
    host: 'has fq that lets nothing pass, for a reason that the kernel does not tell',
    taps: [{ queues: [{ delivered: 0 }], before: { 'QDISC_DROP@any': 300 }, more: () => ({ qdisc: 'fq' }) }],
    finds: ['fq-horizon critical', 'qdisc-drop info'],
  },
  {
    host: 'has fq with a packet of another clock now and then',
    taps: before({ 'FQ_HORIZON_LIMIT@__dev_queue_xmit': 0.2 }, { qdisc: 'fq' }),
    finds: [],
  },
  {
    host: 'has frames that are too long for a port of a bridge',
    taps: before({ 'NOT_SPECIFIED@br_dev_queue_push_xmit': 1 }),
    finds: ['bridge-mtu warning'],
    says: /^tap0: its bridge discarded 10 frames/,
    types: 'ip link set dev tap0 mtu 9000',
  },
  { host: 'lost one frame in a bridge', taps: before({ 'NOT_SPECIFIED@br_dev_queue_push_xmit': 0.1 }), finds: [] },
  {
    host: 'has a firewall that drops most',
    taps: before({ 'NETFILTER_DROP@nf_hook_slow': 700 }),
    finds: ['host-firewall warning'],
  },
  {
    host: 'has a firewall that drops some',
    taps: before({ 'NETFILTER_DROP@nf_hook_slow': 10 }),
    finds: ['host-firewall info'],
  },
  {
    host: 'has a filter that drops all',
    taps: queues({ dropped: { SOCKET_FILTER: 200 } }),
    finds: ['filter-drop warning'],
    says: /^tap0 had 2 000 of 2 000 packets refused by its packet filter \(TUNATTACHFILTER\)/,
  },
  {
    host: 'has a filter that drops the broadcasts of an idle bridge',
    taps: queues({ dropped: { TAP_TXFILTER: 4 } }),
    finds: [],
  },
  {
    host: 'redirects more frames than the ring holds',
    taps: queues({
      delivered: 100,
      full: { running: 0.9 },
      more: (second) => ({ redirected: { enqueued: 100 * second, lost: 300 * second } }),
    }),
    finds: ['xdp-overflow critical'],
    says: /takes them too slowly\.$/,
  },
  {
    host: 'redirects as many frames as the ring holds',
    taps: queues({ delivered: 100, more: (second) => ({ redirected: { enqueued: 100 * second, lost: 0 } }) }),
    finds: [],
  },
  {
    host: 'has a standing queue in a deep ring',
    taps: queues({ delivered: 500, occupancy: 2500, capacity: 6000 }),
    finds: ['bufferbloat critical'],
    says: /^tap0 delays each packet by about 5\.0 s: some 2 500 stand in its ring of 6 000, and 500 a second are taken\.$/,
  },
  {
    host: 'has a deep ring that stands for two seconds',
    taps: queues({ delivered: 500, occupancy: (s) => (s < 2 ? 2500 : 0), capacity: 6000 }),
    finds: [],
  },
  {
    host: 'has a standing queue in a ring of the usual size',
    taps: queues({ delivered: 500, occupancy: 300 }),
    finds: ['bufferbloat warning'],
  },
  {
    host: 'has a writer to a device that is down',
    taps: from({ EIO: 250 }, { up: false }),
    finds: ['writer-refused critical', 'device-down info'],
    says: /the device is down \(EIO\)\.$/,
    types: 'ip link set dev tap0 up',
  },
  {
    host: 'has a guest with malformed headers',
    taps: from({ EINVAL: 250 }),
    finds: ['writer-refused critical'],
    says: /offload that the kernel cannot follow/,
  },
  {
    host: 'has a VPN that writes something else than IP',
    taps: from({ EINVAL: 250 }, { kind: 'tun', vnetHeader: false }),
    finds: ['writer-refused critical'],
    says: /from its guest or writer: they are no IP packets \(EINVAL\)\.$/,
  },
  { host: 'has a writer that meets EAGAIN now and then', taps: from({ EAGAIN: 50 }), finds: [] },
  {
    host: 'has a writer that meets EAGAIN all the time',
    taps: from({ EAGAIN: 2000 }),
    finds: ['writer-refused warning'],
    says: /has to wait in 67 % of its writes/,
  },
  {
    host: 'has a BPF program in front of the device that drops',
    taps: before({ 'TC_EGRESS@other': 100 }),
    finds: ['loss-unexplained warning'],
    says: /^tap0 lost 1 000 of 11 000 packets/,
  },
  { host: 'has a neighbour that does not answer at once', taps: before({ 'NEIGH_FAILED@other': 6 }), finds: [] },
  {
    host: 'has a tun that is out of memory',
    taps: queues({ delivered: 500, dropped: { NOMEM: 100 } }),
    finds: ['loss-unexplained warning'],
  },
  {
    host: 'has a reader with a buffer that cannot be written',
    taps: [{ more: (second) => ({ uncounted: [{ cause: 'failed', packets: 20 * second }] }) }],
    finds: ['uncounted-loss warning'],
  },
  {
    host: 'has a reader whose reads all fail, too slowly',
    taps: [
      {
        queues: [{ delivered: 0, failed: 400, lost: 100, occupancy: 1000, full: { sleeping: 0.9 } }],
        more: (second) => ({ uncounted: [{ cause: 'failed', packets: 400 * second }] }),
      },
    ],
    finds: ['uncounted-loss critical'],
  },
  {
    host: 'failed to read one packet',
    taps: [{ more: (second) => ({ uncounted: [{ cause: 'failed', packets: second > 4 ? 1 : 0 }] }) }],
    finds: [],
  },
  {
    host: 'has a worker without a CPU, whose guest lacked a buffer now and then',
    taps: queues({ vhost: true, delivered: 5000, lost: 1000, full: { waiting: 0.6, running: 0.3 }, noBuffer: 20 }),
    finds: ['reader-starved critical'],
  },
  {
    host: 'has a guest that hangs, in whose ring there is room yet',
    taps: [{ queues: [{ vhost: true, delivered: 0, occupancy: (second) => 20 + 20 * second }] }],
    finds: ['reader-stalled warning'],
    says: /^tap0 is not read: its reader, vhost-2211 \(thread 2219\), takes nothing, for 10 s\.$/,
  },
  {
    host: 'has a thing wrong with the figures of many devices',
    taps: Array.from({ length: 6 }, () => ({ more: () => ({ degraded: ['packets come past the offered probe'] }) })),
    finds: ['agent-blind info'],
    says: /^tapscope does not see everything on this host: the figures of 6 devices are not exact: packets come past the offered probe\.$/,
  },
]);
