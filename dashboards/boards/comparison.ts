// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard Backpressure that compares: two hosts side by side, one host before and after it changed its kernel.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { average, lossOf, observed, perKernel, type Query, quantile, rate, share, sum } from '../promql/query.ts';
import { fleet } from '../promql/selection.ts';
import { timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const { scope, of: owned } = fleet;

const HOST = ['instance'];
const OF_KERNEL = '{{instance}}, Linux {{kernel}}';

const perHost = (name: string): Query => sum(owned(rate(scope, name)), HOST);
const offered = owned(rate(scope, 'tapscope_queue_offered_packets_total'));
const dropped = owned(rate(scope, 'tapscope_queue_dropped_packets_total'));
const elsewhere = share(perHost('tapscope_queue_wakes_elsewhere_total'), perHost('tapscope_queue_wakes_total'));
const stopped = average(owned(rate(scope, 'tapscope_queue_stopped_seconds_total')), HOST);
const late = (name: string): Query => quantile(0.99, observed(scope, name, owned), HOST);
const ofKernel = (query: Query): Query => perKernel(scope, query);

export function withComparison(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Before and after: by host and kernel'))
    .withPanel(
      table({
        title: 'Packets to guests, by host and kernel',
        tells:
          'A row for each host, with the kernel that it runs now. Choose two hosts, or look back at the time before a change; where a figure is missing, that kernel does not have it.',
        width: 24,
        height: 5,
        columns: [
          { heading: 'Offered to guests', query: ofKernel(sum(offered, HOST)) },
          { heading: 'Dropped in tun', query: ofKernel(sum(dropped, HOST)) },
          {
            heading: 'Dropped before tun',
            query: ofKernel(perHost('tapscope_device_other_dropped_packets_total')),
          },
          { heading: 'Stops', query: ofKernel(perHost('tapscope_queue_stops_total')) },
          { heading: 'Stopped', query: ofKernel(stopped) },
          { heading: 'Wake delay, p99', query: ofKernel(late('tapscope_queue_resume_latency_seconds')) },
          { heading: 'In the ring, p99', query: ofKernel(late('tapscope_queue_sojourn_seconds')) },
          { heading: 'Wakes elsewhere', query: ofKernel(elsewhere) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Share dropped in tun to guests, by kernel',
        tells: 'Of what was offered, of queues that tell both. A host that changed its kernel has a line for each.',
        width: 8,
        lines: [{ legend: OF_KERNEL, query: ofKernel(lossOf(dropped, offered, HOST)) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Time in the ring to guests, by kernel',
        tells: 'One packet of a hundred waits longer for its guest or reader. Linux 7.3 and later.',
        width: 8,
        lines: [{ legend: OF_KERNEL, query: ofKernel(late('tapscope_queue_sojourn_seconds')) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Delivered to guests, by kernel',
        tells: 'Packets per second that guests and readers got.',
        width: 8,
        lines: [{ legend: OF_KERNEL, query: ofKernel(perHost('tapscope_queue_delivered_packets_total')) }],
      }),
    );
}
