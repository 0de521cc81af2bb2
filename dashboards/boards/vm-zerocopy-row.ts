// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard VM about zero-copy: what vhost-net passes on from the guest without copying it.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { sum } from '../promql/query.ts';
import { guest } from '../promql/selection.ts';
import { timeseries } from './panels.ts';

const { perSecond, now } = guest;

export function withZeroCopy(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Zero-copy from the guest (empty while experimental_zcopytx of vhost_net is off)'))
    .withPanel(
      timeseries({
        title: 'Zero-copy: tried and over',
        tells:
          'Packets a second that vhost-net passed on without copying, and those that are over: copied on their way, or not. Over is not delivered.',
        width: 8,
        lines: [
          { legend: 'tried', query: perSecond('tapscope_zerocopy_attempts_total') },
          { legend: 'over, copied: {{copied}}', query: perSecond('tapscope_zerocopy_completed_total', ['copied']) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Zero-copy from guest: copied at once',
        tells:
          'Packets from the guest that were not tried. small: below 256 bytes; pending: too many are out; throttled: too many had to be copied after all; flush: the memory table changes.',
        width: 8,
        lines: [{ legend: '{{cause}}', query: perSecond('tapscope_zerocopy_not_attempted_packets_total', ['cause']) }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Zero-copy: still on their way',
        tells:
          'Packets from the guest whose memory the host still holds. Many that stay: a qdisc or a device sits on them.',
        width: 8,
        lines: [{ legend: 'on their way', query: sum(now('tapscope_zerocopy_outstanding_packets')) }],
      }),
    );
}
