// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard Queue about the qdisc in front of the device: what stands in it, for how long, and what it drops.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Query, rate, type Scope, sum, value, wait } from '../promql/query.ts';
import { timeseries } from './panels.ts';

export function withQdisc(scope: Scope, builder: DashboardBuilder): DashboardBuilder {
  const perSecond = (name: string): Query => sum(rate(scope, name));
  return builder
    .withRow(new RowBuilder('The qdisc in front of the device'))
    .withPanel(
      timeseries({
        title: 'Waiting in the qdisc, whole device',
        tells: 'Packets that stand in the qdiscs now, before they reach a queue.',
        width: 8,
        lines: [{ legend: 'packets', query: value(scope, 'tapscope_qdisc_backlog_packets') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Bytes in the qdisc, whole device',
        tells: 'Bytes that stand in the qdiscs now.',
        width: 8,
        lines: [{ legend: 'bytes', query: value(scope, 'tapscope_qdisc_backlog_bytes') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Time in the qdisc',
        tells:
          'The mean wait of a packet by Little’s law: packets that stand, by packets that leave for the device’s queues. From 100 ms on the rule qdisc-delay reports it.',
        width: 8,
        lines: [
          {
            legend: 'mean',
            query: wait(
              sum(rate(scope, 'tapscope_qdisc_backlog_packet_seconds_total')),
              sum(rate({ ...scope, queue: scope.device }, 'tapscope_queue_offered_packets_total')),
            ),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped to guest by the qdisc, whole device',
        tells: 'Packets that the qdiscs dropped, by their own count (tc -s qdisc).',
        width: 12,
        lines: [{ legend: 'dropped', query: perSecond('tapscope_qdisc_dropped_packets_total') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Put back into the qdisc, whole device',
        tells: 'Packets that were taken out and put back, most often because the queue was stopped meanwhile.',
        width: 12,
        lines: [{ legend: 'requeues', query: perSecond('tapscope_qdisc_requeues_total') }],
      }),
    );
}
