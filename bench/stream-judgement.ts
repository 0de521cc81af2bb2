// SPDX-License-Identifier: Apache-2.0
// What passed the taps of a stream cell between two moments at rest, and whether all who counted it agree.

import type { Device } from '../src/snapshot/device.ts';
import { agentCounts, atLeast, type Comparison, compare, doubts } from './agreement.ts';
import { isFromGuest, type Run, type StreamCell } from './bench-report.ts';
import type { Received } from './iperf.ts';
import type { Rest } from './stream-rest.ts';

interface Streams {
  /** One for each guest; the last guest receives. */
  readonly before: readonly Rest[];
  readonly after: readonly Rest[];
  readonly received: Received;
  readonly seconds: number;
  /** The busy share of all CPUs, 0 to 1. */
  readonly hostCpu: number;
}

/** What grew on one tap. Packets unless named otherwise. */
interface Passed {
  readonly offered: number;
  readonly offeredBytes: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly fromGuest: number;
  readonly droppedFromGuest: number;
  /** Dropped by the qdisc, and elsewhere before tun. */
  readonly droppedBefore: number;
  readonly burst: number;
  readonly queues: readonly number[];
  readonly ofNoQueue: number;
  readonly bytesTo: number;
  readonly bytesFrom: number;
  readonly txDropped: number;
  readonly guest: { readonly received: number; readonly sent: number };
  readonly qdisc: { readonly bytes: number; readonly drops: number };
}

export function judgeStreams(cell: StreamCell, { before, after, received, seconds, hostCpu }: Streams): Run {
  const taps = after.map((rest, index) => difference(totals(before[index] ?? rest), totals(rest)));
  const to = taps.at(-1);
  if (to === undefined) throw new Error('A stream cell has a guest.');
  const transmitted =
    (isFromGuest(cell.direction) ? 0 : to.delivered) +
    (isFromGuest(cell.direction) || cell.direction === 'both' ? to.fromGuest : 0);
  const sum = (count: (tap: Passed) => number): number => taps.reduce((total, tap) => total + count(tap), 0);
  const bytes = [
    ...atLeast('bytes towards the guest', to.bytesTo, 'iperf3', received.bytesTo),
    ...atLeast('bytes from the guest', to.bytesFrom, 'iperf3', received.bytesFrom),
  ];
  return {
    seconds,
    transmitted,
    lost: sum(({ dropped, droppedFromGuest }) => dropped + droppedFromGuest),
    droppedBefore: sum(({ droppedBefore }) => droppedBefore),
    uncopied: 0,
    workerSeconds: undefined,
    stream: { bitsPerSecond: received.bitsPerSecond, hostCpu, queues: to.queues, ofNoQueue: to.ofNoQueue },
    disagreements: [
      ...taps.flatMap((tap, index) => disagreementsOf(tap, taps.length > 1 ? ` of guest ${index + 1}` : '')),
      ...bytes,
      ...after.flatMap(({ device }) => doubts(device)),
    ],
  };
}

function disagreementsOf(tap: Passed, which: string): readonly string[] {
  const comparisons: readonly Comparison[] = [
    [`packets delivered to the tap${which}`, tap.delivered, 'the guest', tap.guest.received],
    [`packets from the tap${which}`, tap.fromGuest + tap.droppedFromGuest, 'the guest', tap.guest.sent],
    [`packets lost at the tap${which}`, tap.dropped, "the tap's tx_dropped", tap.txDropped],
    [`packets that the qdisc${which} dropped`, tap.droppedBefore - tap.burst, 'tc -s', tap.qdisc.drops],
    [`packets offered to the tap${which}`, tap.offered, 'what was delivered and lost', tap.delivered + tap.dropped],
  ];
  // tc adds the headers that each segment of a large packet will get.
  return [
    ...compare(comparisons),
    ...atLeast(`bytes that passed the qdisc${which}, by tc -s`, tap.qdisc.bytes, 'the agent', tap.offeredBytes),
  ];
}

type Totals = Passed;

/** Since the device exists. A device has packets of several queues that no queue has. */
function totals({ device, guest, qdisc }: Rest): Totals {
  const { offered, delivered, dropped, droppedBefore, burst } = agentCounts(device);
  const { counters, queues, receive } = device;
  const unseen = queues.length > 1 ? device.unseen : undefined;
  const untraced = unseen?.dropped ?? 0;
  return {
    offered: offered + (unseen?.enqueued ?? 0) + untraced,
    offeredBytes: queues.reduce((sum, queue) => sum + (queue.counters?.offeredBytes ?? Number.NaN), 0),
    delivered: delivered + (unseen?.enqueued ?? 0),
    dropped: dropped + untraced,
    fromGuest: counters?.rxPackets ?? Number.NaN,
    droppedFromGuest: (receive?.dropped ?? []).reduce((sum, { packets }) => sum + packets, 0),
    ...{ droppedBefore, burst, guest, qdisc },
    queues: queuesOf(device),
    ofNoQueue: (unseen?.enqueued ?? 0) + untraced,
    bytesTo: counters?.txBytes ?? Number.NaN,
    bytesFrom: counters?.rxBytes ?? Number.NaN,
    txDropped: counters?.txDropped ?? Number.NaN,
  };
}

function queuesOf({ queues }: Device): readonly number[] {
  const offered: number[] = [];
  for (const { index, counters } of queues) offered[index] = counters?.offered ?? Number.NaN;
  return Array.from(offered, (packets) => packets ?? 0);
}

function difference(before: Totals, after: Totals): Passed {
  return {
    offered: after.offered - before.offered,
    offeredBytes: after.offeredBytes - before.offeredBytes,
    delivered: after.delivered - before.delivered,
    dropped: after.dropped - before.dropped,
    fromGuest: after.fromGuest - before.fromGuest,
    droppedFromGuest: after.droppedFromGuest - before.droppedFromGuest,
    droppedBefore: after.droppedBefore - before.droppedBefore,
    burst: after.burst - before.burst,
    queues: after.queues.map((packets, index) => packets - (before.queues[index] ?? 0)),
    ofNoQueue: after.ofNoQueue - before.ofNoQueue,
    bytesTo: after.bytesTo - before.bytesTo,
    bytesFrom: after.bytesFrom - before.bytesFrom,
    txDropped: after.txDropped - before.txDropped,
    guest: {
      received: after.guest.received - before.guest.received,
      sent: after.guest.sent - before.guest.sent,
    },
    qdisc: {
      bytes: after.qdisc.bytes - before.qdisc.bytes,
      drops: after.qdisc.drops - before.qdisc.drops,
    },
  };
}
