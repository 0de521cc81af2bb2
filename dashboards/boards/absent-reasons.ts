// SPDX-License-Identifier: Apache-2.0
// Why a panel may have no data, by the metrics that it asks for: Grafana shows the sentence in the place of "No data".
import { catalogue, type Query } from '../promql/query.ts';
import { NEEDS_LINUX_7_3 } from '../promql/requires-7.3.ts';

interface Reason {
  readonly metrics: RegExp;
  readonly why: string;
}

/** The text for counters that begin with the first loss. A dead agent gets the same text: other panels report it. */
const NO_LOSS = 'No loss in this time range, if the agent answers.';
/** A panel gets the first reason that fits all its queries, or else the first that fits its first query. */
const REASONS: readonly Reason[] = [
  { metrics: /^tapscope_queue_(consumed|sojourn)/, why: 'Needs Linux 7.3 or later.' },
  { metrics: anyOf(NEEDS_LINUX_7_3), why: 'Needs Linux 7.3 or later, and a device with IFF_BACKPRESSURE.' },
  { metrics: /^tapscope_vhost_receive_batch/, why: 'Needs a guest behind vhost-net, without zero-copy.' },
  { metrics: /^tapscope_vhost_batch/, why: 'Needs a guest behind vhost-net, and Linux 7.3 or --mechanism.' },
  { metrics: /^tapscope_vhost_/, why: 'Needs a guest behind vhost-net.' },
  { metrics: /^tapscope_zerocopy_/, why: 'Needs a guest behind vhost-net, with experimental_zcopytx=1.' },
  { metrics: /^tapscope_ended_/, why: 'No device has ended in this time range.' },
  { metrics: /^tapscope_macvtap_/, why: 'Needs a macvtap or ipvtap.' },
  { metrics: /^tapscope_finding$|^tap:tapscope_finding/, why: 'No finding in this time range, if the agents answer.' },
  { metrics: /^tapscope_qdisc_/, why: 'Needs a qdisc that holds packets: not noqueue, nor pfifo_fast.' },
  { metrics: /^tapscope_(device_other_dropped|unrouted_dropped|uncounted_lost|receive_host)/, why: NO_LOSS },
  { metrics: /^tapscope_receive_refused_writes/, why: 'No write was refused in this time range.' },
  { metrics: /^tapscope_device_queue_changes/, why: 'No queue joined or left in this time range.' },
  { metrics: /^tapscope_ring_|^tapscope_queue_offered/, why: 'No queue of this choice, or it is not measured here.' },
  { metrics: /^tapscope_(queue|device|receive|reader)_/, why: 'No device of this choice, or it is not measured here.' },
  { metrics: /^(tap|host|factor):/, why: 'No host sends what the rules of docs/fleet.md record.' },
];
const OF_AGENT = 'No agent of this choice answers.';

const ONLY_FULL = catalogue.filter(({ full }) => full).map(({ name }) => name);

/** `own`: the panel's own words. */
export function reasonFor(queries: readonly Query[], own?: string): string {
  const subjects = queries.map(({ expr }) => subjectOf(expr));
  const ofAll = REASONS.find(({ metrics }) => subjects.every((name) => metrics.test(name)));
  const why = own ?? (ofAll ?? REASONS.find(({ metrics }) => metrics.test(subjects[0] ?? '')))?.why ?? OF_AGENT;
  return subjects.every((name) => ONLY_FULL.includes(name)) ? `Shown with --detail full. ${why}` : why;
}

/** The metric that the query shows; those after it choose the series or add labels. */
function subjectOf(expr: string): string {
  return (/(?:\w+:)?tapscope_[\w:]+/.exec(expr)?.[0] ?? '').replace(/_bucket$/, '');
}

function anyOf(names: readonly string[]): RegExp {
  return new RegExp(`^(${names.join('|')})$`);
}
