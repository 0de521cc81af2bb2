// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard VM about who takes the packets: the reader or vhost-net's worker, and what holds it up.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { max, named, observed, QUEUE, type Query, quantile, rate, top } from '../promql/query.ts';
import { guest } from '../promql/selection.ts';
import { QUEUE_LINK, QUEUE_LINK_OF_ROW } from './data-links.ts';
import { timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const { scope, of: ofGuest, perSecond, now } = guest;

const OF_QUEUE = '{{device}} queue {{queue}}';

const byQueue = (name: string): Query => max(now(name), QUEUE);
const batches = observed(scope, 'tapscope_vhost_batch_packets', ofGuest);

export function withReader(builder: DashboardBuilder): DashboardBuilder {
  return withWorker(
    builder
      .withRow(new RowBuilder('Who takes the packets, and what holds it up'))
      .withPanel(
        timeseries({
          title: 'The reader while a queue was full or stopped',
          tells:
            'Share of time with a full or stopped queue, by what its reader did. running: it is too slow; waiting: others had its CPU; throttled: its cgroup had used up its CPU time; stopped: a signal or the freezer; sleeping: the guest gave no buffers. Sums over queues: may pass 100 %.',
          width: 8,
          lines: [{ legend: '{{state}}', query: perSecond('tapscope_reader_full_seconds_total', ['state']) }],
        }),
      )
      .withPanel(
        timeseries({
          title: 'Where the reader wakes',
          tells:
            'Packets that woke the sleeping reader, of one in 256: on the CPU that sent them, or on another. Most on another: the host sends an interrupt for each, and the packet changes its cache.',
          width: 8,
          lines: [
            {
              legend: '{{woken_on}} CPU',
              query: perSecond('tapscope_reader_sampled_wakeups_total', ['woken_on']),
            },
          ],
        }),
      )
      .withPanel(
        table({
          title: 'Threads of vhost-net',
          tells:
            'The thread that moves the packets of each queue, and its CPU. Empty: vhost-net does not serve the guest.',
          width: 8,
          link: QUEUE_LINK_OF_ROW,
          hidden: ['instance', 'name'],
          columns: [
            { heading: 'CPU', query: byQueue('tapscope_vhost_worker_cpu') },
            {
              heading: undefined,
              query: named(scope, max(now('tapscope_vhost_worker_info'), [...QUEUE, 'tid', 'comm'])),
            },
          ],
        }),
      ),
  );
}

function withWorker(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withPanel(
      timeseries({
        title: 'CPU time of the threads of vhost-net',
        tells:
          'Share of one CPU, by queue; queues with the same thread show the same. Near 100 %: give it more queues.',
        width: 6,
        link: QUEUE_LINK,
        lines: [
          {
            legend: OF_QUEUE,
            query: top(10, max(ofGuest(rate(scope, 'tapscope_vhost_worker_cpu_seconds_total')), QUEUE)),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Held by vhost-net for the guest',
        tells: 'Packets out of the ring and not yet with the guest, 64 at most. They stay: the guest has no buffers.',
        width: 6,
        link: QUEUE_LINK,
        lines: [{ legend: OF_QUEUE, query: top(10, byQueue('tapscope_vhost_held_packets')) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Batches to guest: packets in each',
        tells: 'How many packets vhost-net took out of the ring at once. Before Linux 7.3 only with --mechanism.',
        width: 6,
        lines: [0.1, 0.5, 0.9].map((of) => ({ legend: `${100 * of} %`, query: quantile(of, batches) })),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Buffers that the guest lacked',
        tells:
          'Times a second that vhost-net found no buffer of the guest for a packet, or gave one back unused. Grows: a larger rx_queue_size.',
        width: 6,
        lines: [
          { legend: 'no buffer', query: perSecond('tapscope_vhost_no_buffer_total') },
          { legend: 'given back', query: perSecond('tapscope_vhost_discarded_buffers_total') },
        ],
      }),
    );
}
