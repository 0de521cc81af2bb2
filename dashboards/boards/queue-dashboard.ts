// SPDX-License-Identifier: Apache-2.0
// The dashboard Queue: everything about one queue of one device, or all queues of it.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { max, named, orNone, QUEUE, type Query, rate, type Scope, share, sum, value } from '../promql/query.ts';
import { matcher, queueVariable, variables } from '../promql/variables.ts';
import { QUEUE_UID } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withMarks } from './findings.ts';
import { withFurtherCounters } from './further-counters.ts';
import { stat, timeseries } from './panels.ts';
import { withQdisc } from './qdisc-row.ts';
import { withMacvtap, withReceive } from './receive-row.ts';
import { withRing } from './ring-row.ts';
import { table } from './table-panel.ts';

const agent = matcher('one', 'instance');
const device = [agent, matcher('one', 'netns'), matcher('one', 'device')].join(',');
const scope: Scope = { agent, device, queue: `${device},queue=~"$queue"` };
const perSecond = (name: string): Query => sum(rate(scope, name));

const offered = perSecond('tapscope_queue_offered_packets_total');
const dropped = perSecond('tapscope_queue_dropped_packets_total');

/** `others`: all other dashboards; what they and this one do not show gets a panel at the end. */
export function queueDashboard(others: readonly Dashboard[]): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: Queue',
    uid: QUEUE_UID,
    description:
      'One queue of a tun or tap device: what it was offered to hand to its guest or reader, and what became of it.',
    refresh: '10s',
    from: 'now-30m',
  });
  for (const variable of variables('one')) builder.withVariable(variable);
  builder.withVariable(queueVariable({ ...scope, queue: device }));
  withMarks(builder, scope, (query) => query);
  const sent = withLosses(withQdisc(scope, withRing(scope, withPackets(builder))));
  const both = withReceive(sent, scope, (query) => query);
  return withFurtherCounters(withAudit(withMacvtap(both, scope, (query) => query)), scope, others).build();
}

function withPackets(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('To guest or reader'))
    .withPanel(
      stat({
        title: 'Share dropped to guest',
        absent: 'Nothing is offered now.',
        runbook: 'TapscopeRingFullLoss',
        tells: 'Dropped of offered. Absent while nothing is offered.',
        width: 5,
        badFrom: 0.001,
        query: share(dropped, offered),
      }),
    )
    .withPanel(
      stat({
        title: 'Waiting for the guest',
        tells: 'Packets in the ring now.',
        width: 5,
        query: sum(value(scope, 'tapscope_ring_occupancy_packets')),
      }),
    )
    .withPanel(
      stat({
        title: 'Inexact queues',
        runbook: 'TapscopeFiguresDegraded',
        tells: '0: the counts of the queue agree, and nothing bypassed the probes.',
        width: 5,
        badFrom: 1,
        query: orNone(sum(value(scope, 'tapscope_queue_degraded')), sum(value(scope, 'tapscope_device_degraded'))),
      }),
    )
    .withPanel(
      stat({
        title: 'Device is up',
        tells: '1 while the device is up.',
        width: 4,
        query: max(value(scope, 'tapscope_device_up')),
      }),
    )
    .withPanel(
      stat({
        title: 'Inexact device',
        tells: '0: the counts of the whole device agree with the counters of the kernel.',
        width: 5,
        badFrom: 1,
        query: max(value(scope, 'tapscope_device_degraded')),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets to guest',
        tells:
          'Offered by the host, dropped by tun, delivered to the guest or reader. Offered = dropped + delivered + what is new in the ring.',
        width: 12,
        lines: [
          { legend: 'offered to guest', query: offered },
          { legend: 'delivered to guest', query: perSecond('tapscope_queue_delivered_packets_total') },
          { legend: 'dropped', query: dropped },
          { legend: 'redirected by XDP', query: perSecond('tapscope_queue_redirected_packets_total') },
          { legend: 'lost by XDP', query: perSecond('tapscope_queue_redirect_lost_packets_total') },
          {
            legend: 'taken from the ring by {{path}}',
            query: sum(rate(scope, 'tapscope_queue_consumed_packets_total'), ['path']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Ring to guest: occupancy against capacity',
        runbook: 'TapscopeRingStalled',
        tells:
          'Packets that wait for the guest or reader, and how many the ring can hold. At capacity, or up to 15 below it (lag), the next one is dropped.',
        width: 12,
        lines: [
          { legend: 'waiting, queue {{queue}}', query: value(scope, 'tapscope_ring_occupancy_packets') },
          { legend: 'capacity, queue {{queue}}', query: value(scope, 'tapscope_ring_capacity_packets') },
        ],
      }),
    );
}

function withLosses(builder: DashboardBuilder): DashboardBuilder {
  const uncounted = ['purged', 'resized', 'failed', 'overflowed'];
  return builder
    .withRow(new RowBuilder('What was lost'))
    .withPanel(
      timeseries({
        title: 'Dropped to guest by reason',
        runbook: 'TapscopeRingFullLoss',
        tells: 'Kernel drop reasons in tun. FULL_RING: the guest or reader takes packets more slowly than they come.',
        width: 8,
        lines: [{ legend: '{{reason}}', query: sum(rate(scope, 'tapscope_queue_dropped_packets_total'), ['reason']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost to guest without a kernel counter',
        runbook: 'TapscopeUncountedLoss',
        tells:
          'Packets that left the ring and were not delivered: the queue was closed, txqueuelen made smaller, the read failed.',
        width: 8,
        lines: uncounted.map((cause) => ({ legend: cause, query: perSecond(`tapscope_queue_${cause}_packets_total`) })),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost before tun, whole device',
        runbook: 'TapscopeLossBeforeTun',
        tells: 'Packets towards the guest that never reached a queue: qdisc, bridge port of smaller MTU, no reader.',
        width: 8,
        lines: [
          {
            legend: '{{reason}} in {{location}}',
            query: sum(rate(scope, 'tapscope_device_other_dropped_packets_total'), ['reason', 'location']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Bytes offered to guest',
        tells: 'Bytes per second that the host transmitted to the queue. Absent at the level lean.',
        width: 12,
        lines: [{ legend: 'offered to guest', query: perSecond('tapscope_queue_offered_bytes_total') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'The kernel’s own counters, whole device',
        tells: 'What ip -s link calls TX packets and TX dropped: towards the guest or reader.',
        width: 12,
        lines: [
          { legend: 'delivered to guest', query: perSecond('tapscope_device_transmit_packets_total') },
          { legend: 'dropped to guest', query: perSecond('tapscope_device_transmit_dropped_packets_total') },
        ],
      }),
    );
}

function withAudit(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Whose it is, and whether the counts agree'))
    .withPanel(
      timeseries({
        title: 'Audit: packets by which the counts do not agree',
        tells:
          '0 at rest; under load what moved while it was read. Off for long: the figures are not exact, and the queue is marked so.',
        width: 12,
        signed: true,
        lines: [
          { legend: 'queue {{queue}}: {{equation}}', query: value(scope, 'tapscope_queue_audit_imbalance_packets') },
          { legend: 'device: {{equation}}', query: value(scope, 'tapscope_device_audit_imbalance_packets') },
          {
            legend: 'queue {{queue}}: 1 while its ring is not audited',
            query: value(scope, 'tapscope_queue_audit_pending'),
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Owner',
        hidden: ['instance'],
        tells: 'The process that holds the file descriptor of the queue: VMM, VPN, container runtime.',
        width: 12,
        columns: [
          {
            heading: undefined,
            query: named(scope, max(value(scope, 'tapscope_queue_owner_info'), [...QUEUE, 'pid', 'comm'])),
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Device',
        hidden: ['instance'],
        height: 4,
        tells:
          'What the device is; flow_control: what happens to a sender faster than the reader; queue_length: txqueuelen.',
        width: 24,
        columns: [{ heading: undefined, query: named(scope, value(scope, 'tapscope_device_info')) }],
      }),
    )
    .withPanel(
      table({
        title: 'Queues of the device',
        height: 5,
        tells: 'Attached ones take packets, detached ones wait.',
        width: 6,
        columns: [{ heading: 'Queues', query: max(value(scope, 'tapscope_device_queues'), ['device', 'state']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Queues that joined and left the device',
        tells:
          'How often a second a queue was opened or closed, attached or detached: each time queues are numbered anew.',
        width: 18,
        height: 5,
        lines: [{ legend: '{{change}}', query: sum(rate(scope, 'tapscope_device_queue_changes_total'), ['change']) }],
      }),
    );
}
