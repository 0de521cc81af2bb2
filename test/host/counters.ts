// SPDX-License-Identifier: Apache-2.0
// The kernel's own counters, as `ip -j -s link` and `tc -j -s qdisc` print them: the truth that tests compare with.
import { at, numberAt, textAt } from './checked-json.ts';

/** What `ip -s link` counts; transmit goes to the reader or guest. */
export interface LinkCounters {
  readonly ifindex: number;
  readonly txqueuelen: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
}

export interface QdiscCounters {
  readonly kind: string;
  readonly handle: string;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly dropped: number;
  readonly requeues: number;
  readonly backlogPackets: number;
}

export function linkCounters(links: unknown): LinkCounters {
  const link = at(links, 0);
  return {
    ifindex: numberAt(link, 'ifindex'),
    // ip leaves out a length of 0.
    txqueuelen: at(link, 'txqlen') === undefined ? 0 : numberAt(link, 'txqlen'),
    txPackets: numberAt(link, 'stats64', 'tx', 'packets'),
    txBytes: numberAt(link, 'stats64', 'tx', 'bytes'),
    txDropped: numberAt(link, 'stats64', 'tx', 'dropped'),
    rxPackets: numberAt(link, 'stats64', 'rx', 'packets'),
    rxBytes: numberAt(link, 'stats64', 'rx', 'bytes'),
    rxDropped: numberAt(link, 'stats64', 'rx', 'dropped'),
  };
}

export function qdiscCounters(qdisc: unknown): QdiscCounters {
  return {
    kind: textAt(qdisc, 'kind'),
    handle: textAt(qdisc, 'handle'),
    sentPackets: numberAt(qdisc, 'packets'),
    sentBytes: numberAt(qdisc, 'bytes'),
    dropped: numberAt(qdisc, 'drops'),
    requeues: numberAt(qdisc, 'requeues'),
    backlogPackets: numberAt(qdisc, 'qlen'),
  };
}
