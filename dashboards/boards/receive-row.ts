// SPDX-License-Identifier: Apache-2.0
// The row of the dashboards Queue and VM on the way from the guest, and on what no counter of the kernel's shows.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { observed, type Query, quantile, rate, type Scope, sum } from '../promql/query.ts';
import { timeseries } from './panels.ts';

/** `among` leaves the devices that the dashboard is about. */
export function withReceive(builder: DashboardBuilder, scope: Scope, among: (query: Query) => Query): DashboardBuilder {
  const perSecond = (name: string, by: readonly string[] = []): Query => sum(among(rate(scope, name)), by);
  return builder
    .withRow(new RowBuilder('From guest or writer, whole device'))
    .withPanel(
      timeseries({
        title: 'Packets from guest',
        tells: 'What tun passed on to the host.',
        width: 8,
        lines: [{ legend: 'from guest', query: perSecond('tapscope_receive_packets_total') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped from guest by reason',
        tells: 'Packets from the guest or writer that tun freed. DEV_READY: the device is down.',
        width: 8,
        lines: [
          {
            legend: '{{reason}} in {{location}}',
            query: perSecond('tapscope_receive_dropped_packets_total', ['reason', 'location']),
          },
          { legend: 'bad header', query: perSecond('tapscope_receive_bad_header_packets_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Dropped from guest by the host after tun',
        tells:
          'By reason. NETFILTER_DROP: a firewall. IP_RPFILTER: the source address has no route back through the device.',
        width: 8,
        lines: [
          {
            legend: '{{reason}} in {{location}}',
            query: perSecond('tapscope_receive_host_dropped_packets_total', ['reason', 'location']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost to guest or from guest without a kernel counter',
        tells: 'Packets that are lost and that ip -s link does not know of, by cause.',
        width: 8,
        lines: [{ legend: '{{cause}}', query: perSecond('tapscope_uncounted_lost_packets_total', ['cause']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Refused writes from guest by errno',
        tells: 'EIO: the device is down. EINVAL: a frame or header that is none. EAGAIN: the writer has to wait.',
        width: 8,
        lines: [{ legend: '{{errno}}', query: perSecond('tapscope_receive_refused_writes_total', ['errno']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Batches from guest: packets in each',
        tells: 'How many packets vhost-net handed over at once, 64 at most. Small ones cost the host more per packet.',
        absent: 'Batches are measured of guests behind vhost-net, without zero-copy.',
        width: 8,
        lines: [0.1, 0.5, 0.9].map((of) => ({
          legend: `${100 * of} %`,
          query: quantile(of, observed(scope, 'tapscope_vhost_receive_batch_packets', among)),
        })),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Bytes from guest',
        tells: 'Bytes per second that tun passed on to the host.',
        width: 8,
        lines: [{ legend: 'from guest', query: perSecond('tapscope_receive_bytes_total') }],
      }),
    );
}

/** Fills the row that withReceive() leaves. */
export function withMacvtap(builder: DashboardBuilder, scope: Scope, among: (query: Query) => Query): DashboardBuilder {
  const perSecond = (name: string): Query => sum(among(rate(scope, name)));
  return builder.withPanel(
    timeseries({
      title: 'macvtap: packets to guest',
      tells: 'Of a macvtap or ipvtap: offered, dropped and delivered to the guest or reader, and what came from it.',
      absent: 'No device of this choice is a macvtap or ipvtap.',
      width: 16,
      lines: [
        { legend: 'offered to guest', query: perSecond('tapscope_macvtap_offered_packets_total') },
        { legend: 'dropped', query: perSecond('tapscope_macvtap_dropped_packets_total') },
        { legend: 'delivered to guest', query: perSecond('tapscope_macvtap_delivered_packets_total') },
        { legend: 'from guest', query: perSecond('tapscope_macvtap_receive_packets_total') },
      ],
    }),
  );
}
