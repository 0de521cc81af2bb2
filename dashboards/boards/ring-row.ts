// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard Queue about its ring: how full, how long packets wait, how large it would have to be.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { max, observed, type Query, quantile, rate, type Scope, sum, value } from '../promql/query.ts';
import { heatmap, timeseries } from './panels.ts';

export function withRing(scope: Scope, builder: DashboardBuilder): DashboardBuilder {
  return withOverflow(scope, withWaiting(scope, builder));
}

function withWaiting(scope: Scope, builder: DashboardBuilder): DashboardBuilder {
  const arrivals = observed(scope, 'tapscope_ring_arrival_occupancy_packets');
  // Below --detail full it has no queue: all of a device are one.
  const sojourn = observed({ ...scope, queue: `${scope.device},queue=~"$queue|"` }, 'tapscope_queue_sojourn_seconds');
  return builder
    .withRow(new RowBuilder('The ring: how full it gets, how long packets wait for the guest or reader'))
    .withPanel(
      timeseries({
        title: 'Ring to guest: high-water mark against capacity',
        tells:
          'The most packets that waited within the last one to two minutes, whenever they were looked at. Lag: slots that were read and cannot be filled yet.',
        width: 12,
        lines: [
          { legend: 'most, queue {{queue}}', query: value(scope, 'tapscope_ring_occupancy_highwater_packets') },
          { legend: 'lag, queue {{queue}}', query: value(scope, 'tapscope_ring_lag_packets') },
          { legend: 'capacity, queue {{queue}}', query: value(scope, 'tapscope_ring_capacity_packets') },
        ],
      }),
    )
    .withPanel(
      heatmap({
        title: 'Ring to guest: what a packet found when it came',
        tells:
          'Packets in the ring when another was offered to it, of one packet in 128. Mostly the top row: the ring is a place to wait. Top and bottom: bursts.',
        width: 12,
        seen: arrivals,
      }),
    )
    .withPanel(
      timeseries({
        title: 'Time in the ring to guest',
        runbook: 'TapscopeRingDelay',
        tells:
          'From the offer of a packet until the guest or reader took it, of one packet in 256; half of them and 1 % waited longer. All queues of the device, or with --detail full the chosen one. Linux 7.3 and later.',
        width: 12,
        lines: [
          { legend: 'p99', query: quantile(0.99, sojourn) },
          { legend: 'p50', query: quantile(0.5, sojourn) },
        ],
      }),
    )
    .withPanel(
      heatmap({
        title: 'Time in the ring to guest, packet by packet',
        tells: 'The same packets by the time that they waited; the colour is how many of them a second.',
        width: 12,
        seen: sojourn,
      }),
    );
}

function withOverflow(scope: Scope, builder: DashboardBuilder): DashboardBuilder {
  const largest = (name: string): Query => max(value(scope, name));
  const bursts = observed(scope, 'tapscope_ring_overflow_burst_packets');
  return builder
    .withRow(new RowBuilder('Overflow: would a bigger ring help?'))
    .withPanel(
      timeseries({
        title: 'Ring to guest: needed against capacity',
        runbook: 'TapscopeRingFullLoss',
        tells:
          'The ring (txqueuelen) that would have held the largest overflow that ended within the last one to two minutes; 0: none ended. Where “open” grows and none ends, no ring is big enough: the reader is too slow.',
        width: 12,
        lines: [
          { legend: 'needed', query: largest('tapscope_ring_overflow_needed_packets') },
          { legend: 'capacity', query: largest('tapscope_ring_capacity_packets') },
          { legend: 'open: dropped so far', query: largest('tapscope_ring_overflow_open_packets') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets dropped to guest in a row',
        tells: 'Until one was taken from the full ring; half of the bursts and 1 % are longer.',
        width: 12,
        lines: [
          { legend: 'p99', query: quantile(0.99, bursts) },
          { legend: 'p50', query: quantile(0.5, bursts) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Overflows that ended',
        tells: 'Times a second that the ring overflowed and was empty again afterwards.',
        width: 12,
        lines: [{ legend: 'ended', query: sum(rate(scope, 'tapscope_ring_overflow_episodes_total')) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Overflow that goes on',
        tells: 'Time since the first packet that was dropped since the ring was last empty.',
        width: 12,
        lines: [{ legend: 'open for', query: largest('tapscope_ring_overflow_open_seconds') }],
      }),
    );
}
