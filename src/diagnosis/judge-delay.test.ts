// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts in whose qdiscs packets stand.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { BacklogHolder, Device } from '../snapshot/device.ts';
import type { Flow, Queue } from '../snapshot/queue.ts';

const NONE = { buckets: [], sum: 0 };
const TBF: BacklogHolder = {
  kind: 'tbf',
  handle: 0x8001_0000,
  class: 0x8001_0001,
  queue: undefined,
  packets: 0,
  sent: undefined,
};

/** `packets` stand at each second, in `part`, which `sends` so many a second. */
function standing(packets: number | ((second: number) => number), part: Partial<BacklogHolder> = {}, sends?: number) {
  const at = typeof packets === 'number' ? () => packets : packets;
  return (second: number): Partial<Device> => {
    const packetSeconds = Array.from({ length: second }, (_, i) => at(i + 1)).reduce((sum, one) => sum + one, 0);
    const now = at(second);
    const holder = now > 0 ? { ...TBF, ...part, packets: now, sent: sends && 7 + sends * second } : undefined;
    return {
      qdisc: part.kind ?? 'tbf',
      backlog: { packets: now, bytes: 1000 * now, dropped: 0, requeues: 0, packetSeconds, holder },
    };
  };
}

const tap = (queue: QueuePlan, more: TapPlan['more'], others: Partial<TapPlan> = {}): readonly TapPlan[] => [
  { queues: [queue], ...(more && { more }), ...others },
];

/** Stopped by its full ring for a share of each second; `now`: seconds of the present stop. */
function stopped(share: number, now?: number): (second: number) => Partial<Queue> {
  return (second) => {
    const flow: Flow = {
      stops: 100 * second,
      stopsInferred: 0,
      wakes: [],
      stopsUnwoken: 0,
      wakesLost: 0,
      wakesElsewhere: 0,
      stoppedSeconds: share * second,
      stoppedForSeconds: now === undefined ? undefined : now + second,
      stopDurations: NONE,
      resumeLatencies: NONE,
      sentBySoftirq: 0,
    };
    return { flow };
  };
}

testHosts([
  {
    host: 'shapes to less than is offered, with a long queue',
    taps: tap({ delivered: 120 }, standing(264)),
    finds: ['qdisc-delay critical'],
    says: /^tap0 delays each packet by about 2\.2 s: 264 packets stand in its qdisc tbf, which lets 120 a second pass\.$/,
    types: 'tc -s qdisc show dev tap0',
  },
  {
    host: 'has a class whose rate is too small',
    taps: tap({ delivered: 1000 }, standing(300, { kind: 'htb', handle: 0x1_0000, class: 0x1_0010 })),
    finds: ['qdisc-delay warning'],
    says: /by about 300 ms: 300 packets stand in its qdisc htb \(class 1:10\), which lets 1 000 a second pass\.$/,
    types: 'tc -s class show dev tap0',
  },
  {
    host: 'has a shaper on one queue of its own',
    taps: [
      {
        queues: [{ delivered: 500 }, { delivered: 20 }],
        more: standing(104, { handle: 0x8003_0000, class: 0x8003_0001, queue: 1 }, 20),
      },
    ],
    finds: ['qdisc-delay critical'],
    says: /by about 5\.2 s: 104 packets stand in its qdisc tbf \(queue 1\), which lets 20 a second pass\.$/,
  },
  {
    host: 'has a slow class beside a fast one',
    taps: tap({ delivered: 50_000 }, standing(80, { kind: 'htb', handle: 0x1_0000, class: 0x1_0020 }, 200)),
    finds: ['qdisc-delay warning'],
    says: /by about 400 ms: 80 packets stand in its qdisc htb \(class 1:20\), which lets 200 a second pass\.$/,
  },
  {
    host: 'has a class that sends nothing beside one that does',
    taps: tap({ delivered: 50_000 }, standing(80, { kind: 'htb', handle: 0x1_0000, class: 0x1_0020 }, 0)),
    finds: ['qdisc-delay critical'],
    says: /80 packets stand in its qdisc htb \(class 1:20\), and none has left it for 10 s\.$/,
  },
  {
    host: 'delays on purpose',
    taps: tap({ delivered: 100 }, standing(20, { kind: 'netem', class: 0 })),
    finds: ['qdisc-delay info'],
  },
  {
    host: 'delays on purpose, and is asked why it is slow',
    taps: tap({ delivered: 100 }, standing(20, { kind: 'netem', class: 0 })),
    asked: true,
    finds: ['qdisc-delay warning'],
    says: /^tap0 delays each packet by about 200 ms: its qdisc netem is there to delay them\.$/,
  },
  {
    host: 'sends each packet when its sender says',
    taps: tap({ delivered: 100 }, standing(120, { kind: 'fq', class: 0 })),
    finds: ['qdisc-delay info'],
  },
  {
    host: 'sends each packet when its sender says, and is asked why it is slow',
    taps: tap({ delivered: 100 }, standing(120, { kind: 'fq', class: 0 })),
    asked: true,
    finds: ['qdisc-delay warning'],
    says: /its qdisc fq sends each when its sender/,
  },
  {
    host: 'delays one ping a second by half a second',
    taps: tap({ delivered: 1 }, standing(0.5, { kind: 'netem', class: 0 })),
    asked: true,
    finds: ['qdisc-delay warning'],
  },
  {
    host: 'has a qdisc that nothing leaves',
    taps: tap({ delivered: 0 }, standing(12)),
    finds: ['qdisc-delay critical'],
    says: /^tap0 is not sent what waits for it: 12 packets stand in its qdisc tbf, and none has left it for 10 s\.$/,
  },
  {
    host: 'lets one packet pass in two seconds',
    taps: tap({ delivered: 0.5 }, standing(12)),
    finds: ['qdisc-delay critical'],
    says: /by about 24 s: 12 packets stand in its qdisc tbf, which lets 0\.5 a second pass\.$/,
  },
  {
    host: 'keeps its queue short',
    taps: tap({ delivered: 1000 }, standing(30, { kind: 'fq_codel', class: 0 })),
    finds: [],
  },
  {
    host: 'has a burst that drains in two seconds',
    taps: tap(
      { delivered: 300 },
      standing((second) => (second > 2 && second < 5 ? 600 : 0)),
    ),
    finds: [],
  },
  {
    host: 'had a standing queue until a second ago',
    taps: tap(
      { delivered: 100 },
      standing((second) => (second < 10 ? 200 : 0)),
    ),
    finds: [],
  },
  {
    host: 'is asked about in the moment of its only packet',
    taps: tap(
      { delivered: (second) => Number(second === 10) },
      standing((second) => Number(second === 10), { kind: 'netem', class: 0 }),
    ),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'shapes, and has not room for all of it',
    taps: tap({ delivered: 120 }, standing(264), { before: { 'QDISC_DROP@__dev_queue_xmit': 60 } }),
    finds: ['qdisc-drop warning', 'qdisc-delay warning'],
  },
  {
    host: 'stops a sender for a slow reader, so that packets wait in qdisc and ring',
    taps: tap(
      { delivered: 500, occupancy: 500, full: { waiting: 0.9 }, more: stopped(0.9) },
      standing(1000, { kind: 'fq_codel', class: 0 }),
    ),
    finds: ['qdisc-delay critical'],
    says: /^tap0 delays each packet by about 3\.0 s: its full ring stops it, and 1 000 more stand in its qdisc, for its reader, openvpn \(pid 2211, thread 2219\), is too slow\.$/,
    types: 'taskset -pc 0-$(($(nproc --all) - 1)) 2219',
  },
  {
    host: 'is stopped by a full ring that is not read, and more packets stand in the qdisc',
    taps: tap(
      { delivered: 0, occupancy: 1000, full: { sleeping: 1 }, more: stopped(1, 20) },
      standing(900, { kind: 'fq_codel', class: 0 }),
    ),
    finds: ['reader-stalled critical', 'qdisc-delay info'],
  },
]);
