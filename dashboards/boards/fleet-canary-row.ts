// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard Fleet for an upgrade: kernels side by side, and hosts before and after they changed theirs.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { HOST, INFO } from '../../src/fleet/tier.ts';
import { LOSING } from '../promql/factor-tier.ts';
import { everIn, ofFactor, recorded } from '../promql/fleet-query.ts';
import { count, only, type Query, sum, where } from '../promql/query.ts';
import { HOST_LINK_OF_ROW } from './data-links.ts';
import { timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const HOST_AND_KERNEL = ['instance', 'kernel'];
const kernels = ofFactor('kernel');
const hosts = count(sum(recorded(HOST), HOST_AND_KERNEL), ['kernel']);
/** One series for each kernel that a host ran in the time shown; more than one: it was changed. */
const ran = sum(everIn(recorded(HOST)), HOST_AND_KERNEL);
const changed = where(count(ran, ['instance']), '> 1');
const ofChanged = (query: Query): Query => only(query, ['instance'], changed);

export function withCanary(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Kernel canary: before and after an upgrade'))
    .withPanel(
      table({
        title: 'Packets to guests by kernel',
        tells: 'A row for each kernel that runs now. Hosts with other guests lose differently: compare those alike.',
        width: 14,
        columns: [
          { heading: 'Hosts', query: kernels.hosts },
          { heading: 'Taps', query: kernels.taps },
          { heading: 'Losing taps', query: kernels.losing },
          { heading: 'Lost', query: kernels.lost },
          { heading: 'Share lost', query: kernels.share },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Share lost to guests by kernel',
        tells: 'Of what was sent to the guests and readers of the hosts with this kernel.',
        width: 10,
        lines: [{ legend: 'Linux {{value}}', query: kernels.share }],
      }),
    )
    .withPanel(
      table({
        title: 'Hosts that changed their kernel',
        absent: 'No host changed its kernel in this time range.',
        tells:
          'In the time shown: a row for each kernel that they ran, with the taps that they had and those that lost packets at some time. A click shows the host.',
        width: 12,
        hostLink: HOST_LINK_OF_ROW,
        columns: [
          { heading: 'Taps', query: ofChanged(count(everIn(recorded(INFO)), HOST_AND_KERNEL)) },
          { heading: 'Losing taps', query: ofChanged(count(everIn(recorded(LOSING)), HOST_AND_KERNEL)) },
          { heading: 'Runs it now', query: ofChanged(sum(recorded(HOST), HOST_AND_KERNEL)) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Hosts by kernel',
        tells: 'How far the upgrade has come.',
        width: 12,
        lines: [{ legend: 'Linux {{kernel}}', query: hosts }],
      }),
    );
}
