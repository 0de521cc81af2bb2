// SPDX-License-Identifier: Apache-2.0
// A small host for tests: two namespaces with a tap0 each, odd names, a device of which nothing was measured.
import { Registry } from 'prom-client';
import type { Detail } from '../../src/outputs/prometheus/detail.ts';
import { MetricsPage, type Seen } from '../../src/outputs/prometheus/prometheus-page.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Queue, QueueCounters } from '../../src/snapshot/queue.ts';
import type { AgentState, Snapshot } from '../../src/snapshot/snapshot.ts';
import type { Build } from '../../src/subjects/scrape-metrics.ts';
import { goldenEnded } from './ended-golden.ts';

export const goldenBuild: Build = { version: '0.1.0', nodeVersion: 'v20.19.0', kernel: '6.12.48', libbpf: '1.1.2' };

const counters: QueueCounters = {
  offered: 1000,
  offeredBytes: 64_000,
  enqueued: 900,
  consumed: { read: 820, vhost: 64 },
  dropped: [
    { reason: 'FULL_RING', packets: 90 },
    { reason: 'TAP_FILTER', packets: 0 },
    { reason: 'UNTRACED', packets: 10 },
  ],
  purged: 3,
  resized: 2,
  failed: 1,
  unproduced: 4,
  overflowed: 0,
  delivered: 884,
};

const busyQueue: Queue = {
  index: 0,
  ring: { capacity: 500, occupancy: 10, lag: 3, highwater: 485 },
  counters,
  history: {
    arrivals: { buckets: [4, 3, 2, 0, 0, 0, 0, 0, 0, 5], sum: 2000 },
    sojourn: { buckets: [...Array(15).fill(0), 3, 6, 1], sum: 300_000 },
    overflow: {
      bursts: { buckets: [0, 1, 0, 0, 0, 0, 2], sum: 90 },
      episodes: 2,
      needed: 545,
      openPackets: 7,
      openSeconds: 0.25,
    },
  },
  flow: {
    stops: 9,
    stopsInferred: 1,
    wakes: [
      { cause: 'half', wakes: 7 },
      { cause: 'empty', wakes: 1 },
      { cause: 'recheck', wakes: 0 },
    ],
    stopsUnwoken: 1,
    wakesLost: 0,
    wakesElsewhere: 6,
    stoppedSeconds: 1.5,
    stoppedForSeconds: 0.5,
    stopDurations: { buckets: [...Array(27).fill(0), 9], sum: 1e9 },
    resumeLatencies: { buckets: [...Array(17).fill(0), 7, 2], sum: 1_200_000 },
    sentBySoftirq: 64,
  },
  perCpu: [
    { cpu: 0, offered: 600, dropped: 100, sentBySoftirq: 0 },
    { cpu: 3, offered: 400, dropped: 0, sentBySoftirq: 64 },
  ],
  owner: {
    pid: 4711,
    comm: 'qemu-system "x"',
    startedAt: undefined,
    identity: {
      program: 'qemu',
      vm: 'web "1"',
      uuid: '4dea22b3-1d52-d8f3-2516-782e98ab3fa0',
      runtime: '',
      container: '',
      pod: '',
      unit: 'machine-qemu\\x2d1\\x2dweb1.scope',
    },
  },
  reader: {
    thread: 4713,
    fullSeconds: [
      { state: 'running', seconds: 0.5 },
      { state: 'waiting', seconds: 12.25 },
      { state: 'sleeping', seconds: 0 },
      { state: 'stopped', seconds: 0 },
      { state: 'throttled', seconds: 3 },
      { state: 'gone', seconds: 0 },
      { state: 'unknown', seconds: 0 },
    ],
  },
  vhost: {
    held: 7,
    worker: { tid: 4713, comm: 'vhost-4711', cpu: 3, allowedCpus: '0-3', seconds: 1.5 },
    batches: { bounds: [1, 2, 4], buckets: [5, 0, 2, 1], sum: 20 },
    noBuffer: 9,
    discarded: 0,
    zeroCopy: {
      tried: 12,
      completed: { uncopied: 8, copied: 3 },
      notTried: { small: 5, pending: 0, flush: 0, throttled: 2, other: 0 },
      outstanding: 1,
    },
  },
  freed: { there: 600, elsewhere: 220, deferred: 40 },
  wakeups: { there: 1, elsewhere: 3 },
  receiveBatches: { bounds: [1, 64], buckets: [6, 1, 0], sum: 70 },
  redirected: { enqueued: 31, lost: 8 },
  audit: [
    { equation: 'offered', imbalance: 0 },
    { equation: 'ring', imbalance: -2 },
  ],
  auditPending: false,
  degraded: [],
};

const bypassedQueue: Queue = {
  ...busyQueue,
  index: 1,
  counters: { ...counters, dropped: [{ reason: 'unknown_196609', packets: 7 }], delivered: undefined },
  flow: undefined,
  perCpu: [],
  owner: undefined,
  reader: undefined,
  vhost: undefined,
  freed: undefined,
  wakeups: undefined,
  receiveBatches: undefined,
  redirected: undefined,
  audit: [],
  auditPending: true,
  degraded: ['7 packets were delivered that no probe saw offered'],
};

const unseenQueue: Queue = {
  ...bypassedQueue,
  index: 0,
  ring: undefined,
  counters: undefined,
  history: undefined,
  auditPending: undefined,
  degraded: [],
};

const guest: Device = {
  netns: 4026531840,
  name: 'tap0',
  ifindex: 7,
  id: '9001',
  kind: 'tap',
  up: true,
  carrier: true,
  multiQueue: true,
  persistent: false,
  vnetHeader: true,
  queueLength: 500,
  qdisc: 'fq_codel',
  backlog: {
    packets: 40,
    bytes: 60_000,
    dropped: 12,
    requeues: 5,
    packetSeconds: 17.5,
    holder: { kind: 'fq_codel', handle: 0, class: 0, queue: undefined, packets: 40, sent: 1000 },
  },
  flowControl: 'backpressure',
  flowControlLost: 1,
  queues: [busyQueue, bypassedQueue],
  attachedQueues: 2,
  detachedQueues: 2,
  queueChanges: { joined: 3, left: 2 },
  unseen: { enqueued: 17, dropped: 2 },
  counters: { txPackets: 1768, txBytes: 113_152, txDropped: 107, rxPackets: 5, rxBytes: 300, rxDropped: 0 },
  otherDropped: [
    { reason: 'QDISC_DROP', location: '__dev_queue_xmit', packets: 12 },
    { reason: 'NOT_SPECIFIED', location: 'br_dev_queue_push_xmit', packets: 4 },
  ],
  receive: {
    dropped: [{ reason: 'DEV_READY', location: 'tun_get_user', packets: 4 }],
    refusedByHost: [{ reason: 'IP_RPFILTER', location: 'ip_rcv_finish_core', packets: 3 }],
    refused: [
      { errno: 'EIO', writes: 4 },
      { errno: 'EINVAL', writes: 2 },
    ],
    frameErrors: 1,
  },
  macvtap: undefined,
  uncounted: [
    { cause: 'purged', packets: 6 },
    { cause: 'bad_header', packets: 1 },
  ],
  audit: [{ equation: 'delivered', imbalance: 0 }],
  degraded: [],
};

const namesake: Device = {
  ...guest,
  netns: 4026532285,
  id: '9002',
  flowControl: 'tail-drop',
  qdisc: 'noqueue',
  queues: [busyQueue],
  attachedQueues: 1,
  detachedQueues: 0,
};

const vpn: Device = {
  ...guest,
  name: 'vpn"\\é~',
  id: '9003',
  ifindex: 8,
  kind: 'tun',
  up: false,
  multiQueue: false,
  qdisc: undefined,
  flowControl: undefined,
  flowControlLost: undefined,
  queues: [unseenQueue],
  attachedQueues: undefined,
  detachedQueues: undefined,
  queueChanges: undefined,
  counters: undefined,
  otherDropped: undefined,
  receive: undefined,
  uncounted: [],
  audit: [],
};

const macvtap: Device = {
  ...vpn,
  name: 'macvtap0',
  id: '9004',
  ifindex: 9,
  kind: 'macvtap',
  macvtap: {
    offered: 12,
    dropped: [{ reason: 'FULL_RING', location: 'tap_handle_frame', packets: 5 }],
    delivered: 7,
    written: 3,
  },
};

const agent: AgentState = {
  probes: [
    { event: 'offered', mechanism: 'raw_tp', attached: true, reason: undefined, missed: 0 },
    { event: 'consumed', mechanism: 'none', attached: false, reason: 'fentry was refused: EINVAL', missed: 0 },
  ],
  rowsUsed: 3,
  rowsCapacity: 8191,
  eventsLost: [{ cause: 'no_row', events: 0 }],
  netns: 4026531840,
  namespacesUnresolved: 1,
  namespaceNames: new Map([[4026532285, 'blue\\x0ateam']]),
  namespacePaths: new Map([[4026532285, '/run/netns/blue\\x0ateam']]),
  incompleteSnapshots: 0,
  failedLooks: { count: 3, reason: 'Too many open files' },
  overhead: new Map([
    ['kernel', 0.0012],
    ['agent', 0.0008],
  ]),
  level: 'exact',
  sheds: 1,
  pace: { seconds: 2, judgedEvery: 1 },
  counting: { servingRestarts: 1, cpuSeconds: 12.5, residentBytes: 85_000_000, logLinesDropped: 3 },
  epoch: 3,
  unrouted: [{ netns: 4026532285, reason: 'NOT_SPECIFIED', location: 'ip_error', packets: 5 }],
  ended: goldenEnded,
  snapshotSeconds: 0.0021,
};

export const goldenSnapshot: Snapshot = { takenAt: 1_795_000_000, devices: [guest, namesake, vpn, macvtap], agent };

/** The golden snapshot with a finding about a queue, one about the agent, and an exporter of OTLP. */
export const goldenSeen: Seen = {
  devices: goldenSnapshot.devices,
  agent: goldenSnapshot.agent,
  snapshotAgeSeconds: 0.25,
  snapshotErrors: 0,
  exposed: false,
  findings: [
    { rule: 'reader-starved', severity: 'critical', netns: 4026531840, device: 'tap0', queue: 0 },
    { rule: 'agent-blind', severity: 'warning', netns: undefined, device: undefined, queue: undefined },
  ],
  exports: {
    counts: [
      { signal: 'metrics', outcome: 'accepted', requests: 60 },
      { signal: 'logs', outcome: 'busy', requests: 2 },
    ],
    lostRecords: 0,
  },
};

/** The catalogue alone: the figures of a process are others in each run. */
export function cataloguePage(detail: Detail): MetricsPage {
  return new MetricsPage({ detail, build: goldenBuild }, new Registry());
}
