// SPDX-License-Identifier: Apache-2.0
// A packet's way into the ring of a queue and out of it: offered, dropped, enqueued, taken, delivered.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { type QueueSums, sumOf } from '../engine/queue-sums.ts';
import { type DropReasons, FULL_RING_REASONS, TUN_ONLY_REASONS } from '../engine/reasons.ts';
import type { OpenSubject, Parts, QueueBalance, Subject } from '../engine/subject.ts';
import { always, preemptible, type Unavailable, unlessPreemptible, untraceable } from '../engine/unavailable.ts';
import type { Host } from '../kernel/host.ts';
import { COUNTER_NAMES, forEachCounter, QUEUE_COUNTERS } from '../snapshot/counters.ts';
import { core, counter, counters, fromFirst, full, series } from '../snapshot/metric.ts';
import type { AuditResult, Queue, QueueCounters, ReasonCount } from '../snapshot/queue.ts';

const underLock = (host: Host): Unavailable | undefined =>
  untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'tun_wake_queue', 2);

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'transmit',
    shed: ['fentry', 'raw-tracepoint'],
    measures: 'packets and bytes offered to each queue, enqueued and dropped',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['offers', 'entry-only'],
        programs: ['offered_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'raw-tracepoint',
        provides: ['offers'],
        programs: ['offered_raw', 'sent_raw'],
        needs: WALK,
        tradeoff:
          'as exact, but blind to packets that bypass dev_hard_start_xmit, and every packet of the host pays for it',
        unavailable: always,
      },
      {
        name: 'arithmetic',
        provides: ['offers-derived'],
        programs: [],
        needs: [...WALK, 'freed='],
        tradeoff:
          'no bytes; drops of shared packets per device only; before Linux 7.3 nothing per queue where there are several',
        unavailable: always,
      },
    ],
  },
  {
    name: 'transmit-exit',
    measures: 'drops that fire no tracepoint, by queue, and when a packet stops its queue',
    shed: ['fexit'],
    demanded: { by: 'exits', mechanisms: ['fexit'] },
    alike: true,
    mechanisms: [
      {
        name: 'fexit',
        provides: ['exits'],
        programs: ['sent_fexit'],
        pins: true,
        needs: ['transmit=fentry'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'waiting',
        programs: [],
        needs: ['transmit=fentry'],
        tradeoff:
          'attached once packets come that others hold too (pktgen sends such), or a device has IFF_BACKPRESSURE, because each packet pays for it',
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'raw tracepoints see the exit of each packet, and arithmetic needs none',
        effect: 'none',
        unavailable: always,
      },
    ],
  },
  {
    name: 'consumed',
    measures: 'packets taken out of each ring',
    shedAtRest: ['fentry', 'fentry-preempted'],
    mechanisms: [
      {
        name: 'fentry',
        provides: ['dequeues'],
        programs: ['consumed_fentry', 'consumed_vhost_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        tradeoff: undefined,
        unavailable: (host) => preemptible(host) ?? underLock(host),
      },
      {
        name: 'fentry-preempted',
        provides: ['dequeues-derived'],
        programs: ['consumed_fentry', 'consumed_vhost_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry', 'freed=', 'transmit=fentry|raw-tracepoint'],
        tradeoff:
          'a reader may be preempted in the program, which the kernel skips meanwhile: what was taken is what entered less what waits, and times in the ring lack packets',
        unavailable: (host) => unlessPreemptible(host) ?? underLock(host),
      },
      {
        name: 'arithmetic',
        provides: ['dequeues-derived'],
        programs: [],
        needs: [...WALK, 'freed=', 'transmit=fentry|raw-tracepoint'],
        tradeoff: 'exact at rest; under load what was certainly delivered',
        unavailable: always,
      },
      {
        name: 'device-counter',
        programs: [],
        needs: WALK,
        tradeoff: 'the kernel’s tx_packets: per queue only where a device has one',
        unavailable: always,
      },
    ],
  },
];

function open({ probes: { can }, programs: { reasons } }: Parts): OpenSubject {
  return {
    queue: ({ sums, balance, device: { accounts } }) => {
      const audit = balance?.audit ?? [];
      if (!sums) return { audit };
      // The exit of the transmit function counts each packet, as the entry counts what is offered.
      const exits = can('offers') && !can('entry-only');
      return {
        counters: {
          ...countersOf(sums, balance, reasons, can),
          consumed: can('dequeues') && accounts?.dequeuesCounted !== false ? consumedOf(sums, balance) : undefined,
        },
        perCpu: can('offers') ? sums.perCpu : [],
        audit: exits ? [auditOf(sums), ...audit] : audit,
      };
    },
  };
}

/** Entry and exit of the transmit function counted apart; what came past the entry has only its drop counted. */
function auditOf({ offered, enqueued, redirected, dropped, bypassed }: QueueSums): AuditResult {
  return { equation: 'offered', imbalance: offered + bypassed - (enqueued - redirected) - sumOf(dropped) };
}

const NOT_KNOWN = { enqueued: undefined, transmitted: undefined };

/** Counted under the ring's lock. */
function consumedOf(sums: QueueSums, balance: QueueBalance | undefined): QueueCounters['consumed'] {
  const read = balance?.read ?? Math.max(0, sums.consumed - sums.consumedInBatches);
  return { read, vhost: sums.consumed - read };
}

function countersOf(
  sums: QueueSums,
  balance: QueueBalance | undefined,
  reasons: DropReasons,
  can: (capability: string) => boolean,
): Omit<QueueCounters, 'consumed'> {
  const untraced = balance?.untraced ?? 0;
  const own = { enqueued: sums.enqueued, transmitted: sums.enqueued - sums.redirected };
  const { enqueued, transmitted } = balance?.known === false ? NOT_KNOWN : (balance ?? own);
  return {
    dropped: withUntraced(droppedOf(sums, reasons), untraced),
    offered: transmitted === undefined ? undefined : transmitted + sumOf(sums.dropped) + untraced,
    offeredBytes: can('offers') ? sums.offeredBytes : undefined,
    enqueued,
    ...forEachCounter((name) => (can(QUEUE_COUNTERS[name].needs) ? sums[name] : undefined)),
    delivered: balance?.known ? balance.delivered : undefined,
  };
}

/** The kernel counted them, and no program saw why. */
function withUntraced(dropped: readonly ReasonCount[], untraced: number): readonly ReasonCount[] {
  if (untraced === 0) return dropped;
  const known = dropped.find(({ reason }) => reason === 'UNTRACED');
  const others = dropped.filter((one) => one !== known);
  return [...others, { reason: 'UNTRACED', packets: (known?.packets ?? 0) + untraced }];
}

function droppedOf({ dropped, rare }: QueueSums, reasons: DropReasons): readonly ReasonCount[] {
  const named = dropped.flatMap((packets, slot) => {
    const reason = reasons.slotNames[slot];
    return reason && (packets > 0 || reasons.alwaysShown.includes(slot)) ? [{ reason, packets }] : [];
  });
  const rareNamed = [...rare].map(([number, packets]) => ({ reason: reasons.name(number), packets }));
  // The map of rare reasons may be full, or a packet behind the row.
  const unnamed =
    (dropped[reasons.slotNames.indexOf('')] ?? 0) - rareNamed.reduce((sum, { packets }) => sum + packets, 0);
  return [...named, ...rareNamed, ...(unnamed > 0 ? [{ reason: 'other', packets: unnamed }] : [])];
}

/** What only tun drops for is there from 0 on, so that rates are exact from the first drop. Other reasons begin with their first drop. */
function isShown({ reason, packets }: ReasonCount): boolean {
  return packets > 0 || TUN_ONLY_REASONS.includes(reason);
}

export const transmit: Subject = {
  name: 'transmit',
  events: EVENTS,
  modules: ['tun'],
  symbols: ['__tun_wake_queue', 'tun_wake_queue'],
  open,
  direction: 'transmit',
  metrics: {
    queue: [
      core(
        counter(
          'tapscope_queue_offered_packets_total',
          'Packets that the host transmitted to this queue, towards the guest or reader: what tun_net_xmit was asked to take.',
          (queue) => queue.counters?.offered,
        ),
      ),
      counter(
        'tapscope_queue_offered_bytes_total',
        'Bytes that the host transmitted to this queue, towards the guest or reader: skb->len of what tun_net_xmit was asked to take.',
        (queue) => queue.counters?.offeredBytes,
      ),
      core(
        counters(
          'tapscope_queue_dropped_packets_total',
          'Packets towards the guest or reader that tun_net_xmit freed instead of queueing, by kernel drop reason (enum skb_drop_reason); UNTRACED: no reason was seen.',
          ['reason'],
          (queue) =>
            (queue.counters?.dropped ?? []).filter(isShown).map(({ reason, packets }) => series(packets, reason)),
        ),
        ({ labels: [reason = ''], value }) => value > 0 || FULL_RING_REASONS.includes(reason),
      ),
      full(
        counters(
          'tapscope_queue_consumed_packets_total',
          'Packets taken out of the ring, by read (read, recvmsg) or by vhost (in batches); what vhost gave back to the ring is in it (fentry __tun_wake_queue, Linux 7.3).',
          ['path'],
          ({ counters }) =>
            counters?.consumed
              ? [series(counters.consumed.read, 'read'), series(counters.consumed.vhost, 'vhost')]
              : [],
        ),
      ),
      counter(
        'tapscope_queue_delivered_packets_total',
        'Packets handed to the guest or reader successfully: taken from the ring and copied (tun_do_read, vhost), what ip -s link calls TX packets.',
        (queue) => queue.counters?.delivered,
      ),
      ...COUNTER_NAMES.map((name) =>
        fromFirst(
          counter<Queue>(QUEUE_COUNTERS[name].metric, QUEUE_COUNTERS[name].help, (queue) => queue.counters?.[name]),
        ),
      ),
    ],
    cpu: [
      counters(
        'tapscope_queue_cpu_offered_packets_total',
        'Packets that this CPU transmitted to the queue, towards the guest or reader (tun_net_xmit).',
        ['cpu'],
        (queue) => queue.perCpu.map(({ cpu, offered }) => series(offered, String(cpu))),
      ),
      counters(
        'tapscope_queue_cpu_dropped_packets_total',
        'Packets towards the guest or reader that tun_net_xmit freed on this CPU instead of queueing.',
        ['cpu'],
        (queue) => queue.perCpu.map(({ cpu, dropped }) => series(dropped, String(cpu))),
      ),
      counters(
        'tapscope_queue_cpu_softirq_sent_packets_total',
        'Packets offered to the queue by the soft interrupt NET_TX of this CPU instead of their sender. Only of queues that are stopped instead of dropping.',
        ['cpu'],
        ({ flow, perCpu }) => (flow ? perCpu.map(({ cpu, sentBySoftirq }) => series(sentBySoftirq, String(cpu))) : []),
      ),
    ],
  },
};
