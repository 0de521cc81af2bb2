// SPDX-License-Identifier: Apache-2.0
// The row of the dashboard Host on devices that have ended: no other panel has those that lived between two scrapes.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Query, rate, type Scope, sum } from '../promql/query.ts';
import { timeseries } from './panels.ts';

export function withEnded(builder: DashboardBuilder, scope: Scope): DashboardBuilder {
  const perSecond = (what: string, by: readonly string[] = []): Query =>
    sum(rate(scope, `tapscope_ended_${what}_total`), by);
  return builder
    .withRow(new RowBuilder('Devices that have ended, those too that lived for less than a second'))
    .withPanel(
      timeseries({
        title: 'Devices that ended',
        tells: 'seen: a look at the host saw the device while it lived. inexact: some of its figures are missing.',
        width: 6,
        lines: [
          { legend: 'seen: {{seen}}', query: perSecond('devices', ['seen']) },
          { legend: 'inexact', query: perSecond('inexact_devices') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets to devices that ended',
        tells:
          'All packets towards guests or readers in the lives of these devices. unaccounted: what became of these packets is not known.',
        width: 6,
        lines: [
          { legend: 'offered', query: perSecond('offered_packets') },
          { legend: 'delivered', query: perSecond('delivered_packets') },
          { legend: '{{reason}}', query: perSecond('dropped_packets', ['reason']) },
          { legend: 'without a kernel counter: {{cause}}', query: perSecond('uncounted_lost_packets', ['cause']) },
          {
            legend: 'before tun: {{reason}} in {{location}}',
            query: perSecond('other_dropped_packets', ['reason', 'location']),
          },
          { legend: 'unaccounted', query: perSecond('unaccounted_packets') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets from devices that ended',
        tells: 'What tun passed on to the host from guests or writers, and what it freed.',
        width: 6,
        lines: [
          { legend: 'from guest', query: perSecond('receive_packets') },
          { legend: '{{reason}} in {{location}}', query: perSecond('receive_dropped_packets', ['reason', 'location']) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Refused writes from devices that ended',
        tells: 'By errno. EIO: the device was down. EINVAL: a frame or header that is none.',
        width: 6,
        lines: [{ legend: '{{errno}}', query: perSecond('refused_writes', ['errno']) }],
      }),
    );
}
