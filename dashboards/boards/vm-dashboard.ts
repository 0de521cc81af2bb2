// SPDX-License-Identifier: Apache-2.0
// The dashboard VM: everything about one virtual machine, container or VPN, in both directions.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DEVICE,
  either,
  fillOf,
  lossOf,
  marked,
  max,
  named,
  QUEUE,
  type Query,
  sum,
  top,
  where,
} from '../promql/query.ts';
import { guest } from '../promql/selection.ts';
import { guestVariables } from '../promql/variables.ts';
import { DEVICE_LINK_OF_ROW, QUEUE_LINK, QUEUE_LINK_OF_ROW, VM_UID } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withMarks } from './findings.ts';
import { stat, timeseries } from './panels.ts';
import { withMacvtap, withReceive } from './receive-row.ts';
import { table } from './table-panel.ts';
import { withReader } from './vm-reader-row.ts';
import { withZeroCopy } from './vm-zerocopy-row.ts';

const { scope, of: ofGuest, perSecond, now } = guest;

const OF_QUEUE = '{{device}} queue {{queue}}';

const offered = perSecond('tapscope_queue_offered_packets_total');
const dropped = perSecond('tapscope_queue_dropped_packets_total');
const occupancy = now('tapscope_ring_occupancy_packets');
const fill = fillOf(scope, occupancy);

/** Packets lost in each direction. Losses at the ring's entrance are known by queue, the others by device. */
const LOST: Query = either(
  way('to the guest, dropped by tun', perSecond('tapscope_queue_dropped_packets_total', QUEUE)),
  way('to the guest, redirected by XDP', perSecond('tapscope_queue_redirect_lost_packets_total', QUEUE)),
  way('to the guest, dropped by macvtap', perSecond('tapscope_macvtap_dropped_packets_total', DEVICE)),
  way('to the guest, before tun', perSecond('tapscope_device_other_dropped_packets_total', DEVICE)),
  way(
    'to the guest, thrown out of the ring',
    perSecond('tapscope_uncounted_lost_packets_total', DEVICE, 'cause=~"purged|resized|failed|overflowed"'),
  ),
  way('from the guest, dropped by tun', perSecond('tapscope_receive_dropped_packets_total', DEVICE)),
  way(
    'from the guest, dropped by the host after tun',
    perSecond('tapscope_receive_host_dropped_packets_total', DEVICE),
  ),
  way('from the guest, write refused', perSecond('tapscope_receive_refused_writes_total', DEVICE, 'errno!="EAGAIN"')),
);

function way(text: string, query: Query): Query {
  return marked(query, 'way', text);
}

export function vmDashboard(): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: VM',
    uid: VM_UID,
    description:
      'One virtual machine, container or VPN: what it was sent and what it sent, what of that was lost, and who held it up.',
    refresh: '10s',
    from: 'now-30m',
  });
  for (const variable of guestVariables()) builder.withVariable(variable);
  withMarks(builder, scope, ofGuest);
  const sent = withReader(withSent(withQueues(withAnswer(builder))));
  const both = withMacvtap(withReceive(sent, scope, ofGuest), scope, ofGuest);
  return withOwner(withZeroCopy(both)).build();
}

function withAnswer(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Does it lose packets, which way, and where?'))
    .withPanel(
      table({
        title: 'Packets lost to guest and from guest',
        tells:
          'Packets per second by direction, place, device and queue, the worst first. 0 or empty: none is lost. What tun frees because a write is at fault stands in two rows. A click on the device shows its queues.',
        width: 24,
        height: 7,
        link: DEVICE_LINK_OF_ROW,
        hidden: ['instance'],
        absent: 'No packet was counted in this time range.',
        first: ['way'],
        worstFirst: 'Lost',
        columns: [{ heading: 'Lost', query: named(scope, top(20, LOST)) }],
      }),
    )
    .withPanel(
      stat({
        title: 'Share dropped to guest',
        absent: 'Nothing is offered now.',
        runbook: 'TapscopeRingFullLoss',
        tells: 'Dropped by tun, of what was offered, of queues that tell both. Absent while nothing is offered.',
        width: 5,
        badFrom: 0.001,
        query: lossOf(
          perSecond('tapscope_queue_dropped_packets_total', QUEUE),
          perSecond('tapscope_queue_offered_packets_total', QUEUE),
        ),
      }),
    )
    .withPanel(
      stat({
        title: 'Dropped from guest',
        tells: 'Packets per second from the guest that tun freed instead of passing them on.',
        absent: 'none in this time range',
        width: 5,
        query: perSecond('tapscope_receive_dropped_packets_total'),
      }),
    )
    .withPanel(
      stat({
        title: 'Waiting for the guest',
        tells: 'Packets in all its rings now.',
        width: 5,
        query: sum(occupancy),
      }),
    )
    .withPanel(
      stat({
        title: 'Stopped queues',
        tells: 'Queues to which the host sends nothing now, because their ring is full. Linux 7.3 and later.',
        absent: 'no backpressure',
        width: 4,
        query: sum(where(now('tapscope_queue_stopped_for_seconds'), '> bool 0')),
      }),
    )
    .withPanel(
      stat({
        title: 'Inexact devices',
        runbook: 'TapscopeFiguresDegraded',
        tells: 'Devices whose figures, or those of a queue, are known not to be exact: read docs/accuracy.md.',
        width: 5,
        badFrom: 1,
        // At --detail core both have the same labels: the left one hides the right one, so it may have nothing but ones.
        query: sum(max(either(where(now('tapscope_queue_degraded'), '== 1'), now('tapscope_device_degraded')), DEVICE)),
      }),
    );
}

function withQueues(builder: DashboardBuilder): DashboardBuilder {
  const each = (name: string): Query => perSecond(name, QUEUE);
  return builder.withRow(new RowBuilder('Which queues')).withPanel(
    table({
      title: 'Queues to the guest',
      tells: 'Every queue of the guest, as the host sends to it. A click on the device shows the queue.',
      width: 24,
      height: 5,
      link: QUEUE_LINK_OF_ROW,
      hidden: ['instance'],
      columns: [
        { heading: 'Offered', query: named(scope, each('tapscope_queue_offered_packets_total')) },
        { heading: 'Dropped', query: each('tapscope_queue_dropped_packets_total') },
        { heading: 'Delivered', query: each('tapscope_queue_delivered_packets_total') },
        { heading: 'Ring fill', query: max(fill, QUEUE) },
        { heading: undefined, query: max(now('tapscope_queue_owner_info'), [...QUEUE, 'pid', 'comm', 'thread']) },
      ],
    }),
  );
}

function withSent(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('To the guest'))
    .withPanel(
      timeseries({
        title: 'Packets to guest',
        tells:
          'Offered by the host, dropped by tun, delivered to the guest. Taken back: vhost-net found no room in the guest.',
        width: 12,
        lines: [
          { legend: 'offered to guest', query: offered },
          { legend: 'delivered to guest', query: perSecond('tapscope_queue_delivered_packets_total') },
          { legend: 'dropped', query: dropped },
          { legend: 'taken back by vhost-net', query: perSecond('tapscope_queue_unproduced_packets_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Rings to guest: how full',
        runbook: 'TapscopeRingStalled',
        tells:
          'Packets that wait and slots not given back yet, of what each ring holds. 100 %: the next packet is dropped, or the queue stopped. A click shows the queue.',
        width: 12,
        link: QUEUE_LINK,
        lines: [{ legend: OF_QUEUE, query: top(10, fill) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped to guest by reason',
        tells: 'Kernel drop reasons in tun or macvtap. FULL_RING: the guest takes packets more slowly than they come.',
        width: 8,
        lines: [
          { legend: '{{reason}}', query: perSecond('tapscope_queue_dropped_packets_total', ['reason']) },
          { legend: 'macvtap: {{reason}}', query: perSecond('tapscope_macvtap_dropped_packets_total', ['reason']) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost to guest before tun',
        runbook: 'TapscopeLossBeforeTun',
        tells: 'Packets towards the guest that never reached a queue: qdisc, bridge port of smaller MTU, no reader.',
        width: 8,
        lines: [
          {
            legend: '{{reason}} in {{location}}',
            query: perSecond('tapscope_device_other_dropped_packets_total', ['reason', 'location']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Stopped share of time, by queue',
        tells:
          'For how much of the time the host could not send to the queue, whose ring was full. Linux 7.3 and later, where the device has IFF_BACKPRESSURE. A click shows the queue.',
        absent: 'These queues are never stopped: the device has no IFF_BACKPRESSURE.',
        width: 8,
        link: QUEUE_LINK,
        lines: [{ legend: OF_QUEUE, query: top(10, perSecond('tapscope_queue_stopped_seconds_total', QUEUE)) }],
      }),
    );
}

function withOwner(builder: DashboardBuilder): DashboardBuilder {
  const owner = [...DEVICE, 'program', 'vm', 'uuid', 'runtime', 'container', 'pod', 'unit'];
  return builder.withRow(new RowBuilder('Whose it is')).withPanel(
    table({
      title: 'Devices and their owner',
      tells: 'By the command line and cgroup of the process that holds them. unresolved: not sure yet.',
      width: 24,
      height: 4,
      link: DEVICE_LINK_OF_ROW,
      hidden: ['instance'],
      columns: [{ heading: undefined, query: named(scope, max(now('tapscope_device_owner_info'), owner)) }],
    }),
  );
}
