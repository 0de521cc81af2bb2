// SPDX-License-Identifier: Apache-2.0
// The dashboard Backpressure and flow control: where queues stop instead of losing packets, how they are woken, and what that brings.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  average,
  count,
  DEVICE,
  either,
  increase,
  max,
  named,
  observed,
  only,
  orNone,
  QUEUE,
  quantile,
  rate,
  share,
  sum,
  top,
  where,
} from '../promql/query.ts';
import { fleet } from '../promql/selection.ts';
import { variables } from '../promql/variables.ts';
import { withComparison } from './comparison.ts';
import { BACKPRESSURE_UID, DEVICE_LINK_OF_ROW, QUEUE_LINK } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withMarks } from './findings.ts';
import { heatmap, stat, timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const { scope, of: owned, perSecond, now } = fleet;

const OF_QUEUE = '{{device}} queue {{queue}} ({{name}})';

const stopped = owned(rate(scope, 'tapscope_queue_stopped_seconds_total'));
const stops = observed(scope, 'tapscope_queue_stop_duration_seconds', owned);
const resumes = observed(scope, 'tapscope_queue_resume_latency_seconds', owned);
const sojourn = observed(scope, 'tapscope_queue_sojourn_seconds', owned);
const lost = where(max(owned(increase(scope, 'tapscope_device_flow_control_lost_total')), DEVICE), '> 0');
const wakes = perSecond('tapscope_queue_wakes_total');

export function backpressureDashboard(): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: Backpressure and flow control',
    uid: BACKPRESSURE_UID,
    description:
      'Queues towards guests and readers that are stopped instead of losing packets (IFF_BACKPRESSURE, Linux 7.3): stops, wakes, and what is lost where, before and after.',
    refresh: '30s',
    from: 'now-1h',
  });
  for (const variable of variables('many')) builder.withVariable(variable);
  withMarks(builder, scope, owned);
  return withComparison(withLosses(withPlaces(withStops(withRegimes(withAnswer(builder)))))).build();
}

function withAnswer(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Are queues stopped, and do they go on?'))
    .withPanel(
      stat({
        title: 'Queues stopped now',
        tells:
          'Their ring to the guest or reader is full, and the host keeps packets in the qdisc. That is what the flag is for.',
        width: 4,
        query: either(
          sum(now('tapscope_queue_stopped')),
          sum(where(now('tapscope_queue_stopped_for_seconds'), '> bool 0')),
        ),
      }),
    )
    .withPanel(
      stat({
        title: 'Stopped for, at most',
        runbook: 'TapscopeQueueStuck',
        tells: 'The longest of the present stops. Seconds: the reader does not read.',
        width: 5,
        badFrom: 10,
        query: max(now('tapscope_queue_stopped_for_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Stopped share of time',
        tells: 'Of the queues that can be stopped, on average.',
        width: 5,
        query: average(stopped),
      }),
    )
    .withPanel(
      stat({
        title: 'Lost wakes',
        runbook: 'TapscopeQueueStuck',
        tells:
          'Wakes that were due and did not come, in the time shown. Anything but 0 is a fault of the kernel: the queue may stay stopped.',
        width: 5,
        badFrom: 1,
        query: orNone(sum(owned(increase(scope, 'tapscope_queue_wakes_lost_total'))), max(stopped)),
      }),
    )
    .withPanel(
      stat({
        title: 'Lost flags',
        runbook: 'TapscopeFlowControlLost',
        tells: 'Times that a program without IFF_BACKPRESSURE attached to a device, in the time shown: it drops again.',
        width: 5,
        badFrom: 1,
        query: orNone(
          sum(owned(increase(scope, 'tapscope_device_flow_control_lost_total'))),
          max(now('tapscope_device_up')),
        ),
      }),
    );
}

function withRegimes(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Which devices'))
    .withPanel(
      table({
        title: 'Regimes',
        tells:
          'tail-drop loses what a full ring cannot hold; backpressure stops the queue, and the qdisc decides; backpressure-inactive has the flag and no qdisc or no ring: it loses everything.',
        width: 10,
        height: 7,
        columns: [
          { heading: 'Devices', query: count(now('tapscope_device_info'), ['instance', 'flow_control', 'qdisc']) },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Devices that lost their flag',
        absent: 'No device lost IFF_BACKPRESSURE in this time range.',
        runbook: 'TapscopeFlowControlLost',
        tells:
          'How often in the time shown: a program that does not know IFF_BACKPRESSURE attached. A click on the device shows its queues.',
        width: 14,
        height: 7,
        link: DEVICE_LINK_OF_ROW,
        columns: [
          { heading: 'Lost', query: named(scope, lost) },
          {
            heading: undefined,
            query: only(max(now('tapscope_device_info'), [...DEVICE, 'flow_control', 'qdisc']), DEVICE, lost),
          },
        ],
      }),
    );
}

function withStops(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Stops and wakes'))
    .withPanel(
      timeseries({
        title: 'Stops',
        tells:
          'Times a second that the host stopped sending to a queue. Inferred: only the wake was seen. Without a wake: the device was set down.',
        width: 8,
        lines: [
          { legend: 'stops', query: perSecond('tapscope_queue_stops_total') },
          { legend: 'inferred', query: perSecond('tapscope_queue_stops_inferred_total') },
          { legend: 'ended without a wake', query: perSecond('tapscope_queue_stops_unwoken_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Wakes by cause',
        tells:
          'half: half of the ring was taken; empty: it was emptied; recheck: the sender found room itself; forced: TUNSETIFF, TUNSETQUEUE or a resize; detach: a queue left. Lost ones were due and did not come.',
        width: 8,
        lines: [
          { legend: '{{cause}}', query: perSecond('tapscope_queue_wakes_total', ['cause']) },
          { legend: 'lost', query: perSecond('tapscope_queue_wakes_lost_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Stopped share of time, by queue',
        tells: '100 %: the guest or reader takes nothing. A click on a line shows the queue.',
        width: 8,
        link: QUEUE_LINK,
        lines: [{ legend: OF_QUEUE, query: named(scope, top(10, sum(stopped, QUEUE))) }],
      }),
    )
    .withPanel(
      heatmap({
        title: 'How long stops last',
        tells: 'From the stop of a queue to its end; the colour is how many a second.',
        width: 12,
        seen: stops,
      }),
    )
    .withPanel(
      heatmap({
        title: 'From a wake to the next packet',
        tells: 'The wake itself is immediate; this is how long the qdisc or the sender takes to go on.',
        width: 12,
        seen: resumes,
      }),
    );
}

function withPlaces(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Where it goes on after a wake'))
    .withPanel(
      timeseries({
        title: 'Wakes on another CPU than the sender’s',
        tells: 'Sending then goes on where the reader runs, in its time. That cost cannot be told apart.',
        width: 8,
        lines: [{ legend: 'share of wakes', query: share(perSecond('tapscope_queue_wakes_elsewhere_total'), wakes) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Sent to guests by NET_TX',
        tells:
          'Packets to the guest or reader that the soft interrupt NET_TX sent instead of their sender, beside all that were offered.',
        width: 8,
        lines: [
          { legend: 'sent by NET_TX', query: perSecond('tapscope_queue_softirq_sent_packets_total') },
          { legend: 'offered', query: perSecond('tapscope_queue_offered_packets_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Time to go on, and time in the ring',
        tells: 'One wake of a hundred is followed by a packet later than this; one packet of a hundred waits longer.',
        width: 8,
        lines: [
          { legend: 'wake to packet, p99', query: quantile(0.99, resumes) },
          { legend: 'in the ring to the guest, p99', query: quantile(0.99, sojourn) },
        ],
      }),
    );
}

function withLosses(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('What is lost, and where'))
    .withPanel(
      timeseries({
        title: 'Dropped in tun to guests, by reason',
        runbook: 'TapscopeRingFullLoss',
        tells: 'Packets to guests that a full ring lost behind the qdisc. With backpressure in effect: 0.',
        width: 12,
        lines: [{ legend: '{{reason}}', query: perSecond('tapscope_queue_dropped_packets_total', ['reason']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped to guests before tun, by reason and function',
        runbook: 'TapscopeLossBeforeTun',
        tells:
          'Packets to guests that the qdisc chose to drop: with backpressure losses move here, where tc sees them.',
        width: 12,
        lines: [
          {
            legend: '{{reason}} in {{location}}',
            query: perSecond('tapscope_device_other_dropped_packets_total', ['reason', 'location']),
          },
        ],
      }),
    );
}
