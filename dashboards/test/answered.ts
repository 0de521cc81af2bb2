// SPDX-License-Identifier: Apache-2.0
// A panel that Prometheus was asked about must not be empty, but for metrics that the host has not.
import assert from 'node:assert/strict';
import type { ShownPanel } from '../promql/panel-queries.ts';
import { catalogue } from '../promql/query.ts';
import { answersOf, type Choices, type Span } from './answers.ts';
import type { Prometheus } from './prometheus.ts';

/** The subject that a dashboard is asked about, and when that was. */
export interface Asked {
  readonly of: string;
  readonly choices: Choices;
  readonly span: Span;
  /** The agent's page. */
  readonly said: string;
  readonly panels: (panel: ShownPanel) => boolean;
  /** A counter may have had its first hit at the last scrape, or at another device: it has no rate yet. */
  readonly hitsAreFew?: boolean;
}

const FROM_FIRST = catalogue.filter(({ fromFirst }) => fromFirst).map(({ name }) => name);

/** Measured only where functions can be traced, with a guest, with such a device or qdisc, or once one has ended. */
const NOT_EVERYWHERE = [
  'tapscope_queue_redirected_packets_total',
  'tapscope_queue_redirect_lost_packets_total',
  'tapscope_queue_unproduced_packets_total',
  'tapscope_receive_refused_writes_total',
  'tapscope_receive_host_dropped_packets_total',
  'tapscope_device_unseen_packets_total',
  'tapscope_device_queue_changes_total',
  'tapscope_queue_audit_pending',
  'tapscope_vhost_receive_batch_packets_bucket',
  'tapscope_vhost_batch_packets_bucket',
  'tapscope_vhost_held_packets',
  'tapscope_vhost_no_buffer_total',
  'tapscope_vhost_discarded_buffers_total',
  'tapscope_vhost_worker_info',
  'tapscope_vhost_worker_cpu',
  'tapscope_vhost_worker_cpu_seconds_total',
  'tapscope_zerocopy_outstanding_packets',
  'tapscope_zerocopy_attempts_total',
  'tapscope_zerocopy_completed_total',
  'tapscope_zerocopy_not_attempted_packets_total',
  'tapscope_qdisc_backlog_packets',
  'tapscope_qdisc_backlog_bytes',
  'tapscope_qdisc_backlog_packet_seconds_total',
  'tapscope_qdisc_dropped_packets_total',
  'tapscope_qdisc_requeues_total',
  'tapscope_macvtap_offered_packets_total',
  'tapscope_macvtap_dropped_packets_total',
  'tapscope_macvtap_delivered_packets_total',
  'tapscope_macvtap_receive_packets_total',
  'tapscope_ended_offered_packets_total',
  'tapscope_ended_dropped_packets_total',
  'tapscope_ended_uncounted_lost_packets_total',
  'tapscope_ended_other_dropped_packets_total',
  'tapscope_ended_receive_dropped_packets_total',
  'tapscope_ended_refused_writes_total',
];

/** Asserts that the panel is not empty, and that every line has its labels. */
export async function answered(
  prometheus: Prometheus,
  panel: ShownPanel,
  { choices, span, said, hitsAreFew = false }: Asked,
): Promise<void> {
  for (const { query, series } of await answersOf(prometheus, panel, choices, span)) {
    const asksFor = (name: string): boolean => query.expr.includes(`${name}{`);
    const absent =
      NOT_EVERYWHERE.some((name) => asksFor(name) && !said.includes(`\n${name}{`)) ||
      (hitsAreFew && FROM_FIRST.some(asksFor));
    assert.ok(series.length > 0 || absent, `${query.expr} is empty`);
    for (const { labels, points } of series) {
      assert.ok(
        points.some(([, value]) => Number.isFinite(value)),
        query.expr,
      );
      for (const [, label = ''] of query.legend.matchAll(/\{\{(\w+)\}\}/g))
        assert.ok(labels[label], `${query.expr}: ${label}`);
    }
  }
}
