// SPDX-License-Identifier: Apache-2.0
// The dashboard Host: is anything lost, in which queue, why, and can the figures be believed.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  average,
  count,
  DEVICE,
  fillOf,
  fullOf,
  lossOf,
  max,
  named,
  namedByItself,
  only,
  orNone,
  QUEUE,
  type Query,
  rate,
  share,
  sum,
  top,
  value,
  where,
  withGuest,
} from '../promql/query.ts';
import { fleet } from '../promql/selection.ts';
import { variables } from '../promql/variables.ts';
import { withTrustInShort } from './agent-trust.ts';
import { DEVICE_LINK_OF_ROW, GUEST_LINK_OF_ROW, HOST_UID, QUEUE_LINK, QUEUE_LINK_OF_ROW } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withEnded } from './ended-row.ts';
import { withFindings, withMarks } from './findings.ts';
import { stat, timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const { scope, of: owned } = fleet;

const queueRate = (name: string): Query => owned(rate(scope, name));

const offered = queueRate('tapscope_queue_offered_packets_total');
const dropped = queueRate('tapscope_queue_dropped_packets_total');
const beforeTun = queueRate('tapscope_device_other_dropped_packets_total');
const occupancy = owned(value(scope, 'tapscope_ring_occupancy_packets'));
const fill = fillOf(scope, occupancy);
const worst = top(20, sum(dropped, QUEUE));
const ofWorst = (query: Query): Query => only(query, QUEUE, worst);
const withoutReader = where(max(owned(value(scope, 'tapscope_device_queues', 'state="attached"')), DEVICE), '== 0');
/** Packets of the busiest queue divided by the average of its device, for devices with several queues. */
const unevenness = only(
  share(max(offered, DEVICE), average(offered, DEVICE)),
  DEVICE,
  where(count(owned(value(scope, 'tapscope_ring_capacity_packets')), DEVICE), '> 1'),
);
export function hostDashboard(): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: Host',
    uid: HOST_UID,
    description: 'Queues of tun, tap and vhost-net devices: what is lost on its way to guests and readers, and why.',
    refresh: '30s',
    from: 'now-1h',
  });
  for (const variable of variables('many')) builder.withVariable(variable);
  withMarks(builder, scope, owned);
  const answered = withCauses(withQueues(withAnswer(withFindings(builder, fleet))));
  return withTrustInShort(withEnded(answered, scope), scope).build();
}

function withAnswer(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Is anything lost on its way to a guest or reader?'))
    .withPanel(
      stat({
        title: 'Offered to guests',
        tells: 'Packets per second that the host transmitted to all queues.',
        width: 4,
        query: sum(offered),
      }),
    )
    .withPanel(
      stat({
        title: 'Dropped to guests',
        tells: 'Packets per second that tun freed instead of queueing, towards the guest or reader.',
        width: 4,
        query: sum(dropped),
      }),
    )
    .withPanel(
      stat({
        title: 'Share dropped to guests',
        absent: 'Nothing is offered now.',
        runbook: 'TapscopeRingFullLoss',
        tells:
          'Dropped of offered, of queues that tell both (several queues of a device do not at level lean before Linux 7.3). Absent while nothing is offered.',
        width: 4,
        badFrom: 0.001,
        query: lossOf(dropped, offered),
      }),
    )
    .withPanel(
      stat({
        title: 'Lost before tun',
        runbook: 'TapscopeLossBeforeTun',
        tells: 'Packets per second towards guests that a qdisc, a bridge or a device without a reader lost.',
        width: 4,
        query: sum(beforeTun),
      }),
    )
    .withPanel(
      stat({
        title: 'Full rings',
        runbook: 'TapscopeRingStalled',
        tells: 'Queues whose ring to the guest or reader is full now.',
        width: 4,
        badFrom: 1,
        query: sum(fullOf(scope, occupancy)),
      }),
    )
    .withPanel(
      stat({
        title: 'Inexact queues',
        runbook: 'TapscopeFiguresDegraded',
        tells: 'Queues whose figures are known not to be exact: read docs/accuracy.md.',
        width: 4,
        badFrom: 1,
        query: orNone(
          sum(owned(value(scope, 'tapscope_queue_degraded'))),
          sum(owned(value(scope, 'tapscope_device_degraded'))),
        ),
      }),
    );
}

function withQueues(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Which queues'))
    .withPanel(
      table({
        title: 'Worst queues to guests',
        tells:
          'Queues that drop most on the way to their guest or reader. A click on the device shows the queue, one on the guest the VM, container or VPN with all its devices.',
        width: 24,
        link: QUEUE_LINK_OF_ROW,
        guestLink: GUEST_LINK_OF_ROW,
        columns: [
          { heading: 'Dropped', query: named(scope, worst) },
          { heading: 'Offered', query: ofWorst(sum(offered, QUEUE)) },
          { heading: 'Share dropped', query: ofWorst(lossOf(dropped, offered, QUEUE)) },
          { heading: 'Delivered', query: ofWorst(sum(queueRate('tapscope_queue_delivered_packets_total'), QUEUE)) },
          { heading: 'Ring fill', query: ofWorst(max(fill, QUEUE)) },
          {
            heading: undefined,
            query: ofWorst(withGuest(scope, max(value(scope, 'tapscope_queue_owner_info'), [...QUEUE, 'comm']))),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped to guests, worst queues',
        tells: 'Packets per second that tun freed instead of queueing. A click on a line shows the queue.',
        width: 12,
        link: QUEUE_LINK,
        lines: [{ legend: '{{device}} queue {{queue}} ({{name}})', query: named(scope, top(10, sum(dropped, QUEUE))) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Fullest rings to guests',
        tells:
          'Packets that wait for the guest or reader, and slots not given back by it yet, as a share of the ring. 100 %: the next packet is dropped.',
        width: 12,
        link: QUEUE_LINK,
        lines: [{ legend: '{{device}} queue {{queue}} ({{name}})', query: named(scope, top(10, fill)) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Uneven queues to guests: the busiest against the mean',
        absent: 'No device of this choice has several queues and packets.',
        tells:
          'Of devices with several queues, what the host offers to the busiest as a share of the mean queue. 100 %: all alike; with four queues 400 %: one gets everything. Steering or the senders’ flows decide.',
        width: 24,
        lines: [{ legend: '{{device}} ({{name}})', query: named(scope, top(10, unevenness)) }],
      }),
    );
}

function withCauses(builder: DashboardBuilder): DashboardBuilder {
  const uncounted = ['purged', 'resized', 'failed', 'overflowed'];
  return builder
    .withRow(new RowBuilder('Why'))
    .withPanel(
      timeseries({
        title: 'Dropped to guests by reason',
        runbook: 'TapscopeRingFullLoss',
        tells:
          'Kernel drop reasons in tun or macvtap. FULL_RING: the guest or reader takes packets more slowly than they come.',
        width: 8,
        lines: [
          { legend: '{{reason}}', query: sum(dropped, ['reason']) },
          {
            legend: 'macvtap: {{reason}}',
            query: sum(queueRate('tapscope_macvtap_dropped_packets_total'), ['reason']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost before tun by reason and function',
        runbook: 'TapscopeLossBeforeTun',
        tells:
          'Packets towards guests that never reached the queue: qdisc, bridge port of smaller MTU, device without a reader.',
        width: 8,
        lines: [{ legend: '{{reason}} in {{location}}', query: sum(beforeTun, ['reason', 'location']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost to guests without a kernel counter',
        runbook: 'TapscopeUncountedLoss',
        tells:
          'Packets that left the ring and were not delivered: the queue was closed, txqueuelen made smaller, the read failed.',
        width: 8,
        lines: uncounted.map((cause) => ({
          legend: cause,
          query: sum(queueRate(`tapscope_queue_${cause}_packets_total`)),
        })),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped before the host chose a device',
        tells:
          'Packets that came in and belong to no guest yet: a firewall in prerouting or ingress, no route, rp_filter. What was on its way to guests is among them.',
        width: 24,
        lines: [
          {
            legend: '{{reason}} in {{location}} ({{name}})',
            query: namedByItself(
              scope,
              sum(rate(scope, 'tapscope_unrouted_dropped_packets_total'), ['instance', 'netns', 'reason', 'location']),
            ),
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Devices by flow control and qdisc',
        height: 5,
        tells:
          'What happens to a sender faster than the reader: tail-drop loses; backpressure stops the queue, and the qdisc decides.',
        width: 12,
        columns: [
          {
            heading: 'Devices',
            query: count(owned(value(scope, 'tapscope_device_info')), ['flow_control', 'kind', 'qdisc']),
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Devices without a reader',
        runbook: 'TapscopeNoReader',
        height: 5,
        tells: 'No process has a queue of these devices open: every packet to them is lost before tun.',
        absent: 'Every device has a reader.',
        width: 12,
        link: DEVICE_LINK_OF_ROW,
        columns: [
          {
            heading: undefined,
            query: named(scope, withoutReader),
          },
        ],
      }),
    );
}
