// SPDX-License-Identifier: Apache-2.0
// The dashboard Fleet: whose packets are lost, on which hosts, and what the losing taps have in common. It asks for
// recorded series only.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { FINDING, HOST, INFO } from '../../src/fleet/tier.ts';
import {
  FACTOR_LOSING_HOSTS,
  FACTOR_LOSING_TAPS,
  FACTOR_LOST,
  FACTOR_OFFERED,
  FACTOR_TAPS,
  HOST_LOSING_TAPS,
  HOST_LOST,
  HOST_OFFERED,
  LOSING,
} from '../promql/factor-tier.ts';
import { atMostAll, common, everIn, ofFactor, orZero, recorded, shareLost, total } from '../promql/fleet-query.ts';
import { count, DEVICE, max, only, type Query, sum, top, where } from '../promql/query.ts';
import { dataSource } from '../promql/variables.ts';
import { DEVICE_LINK_OF_ROW, FLEET_UID, HOST_LINK_OF_ROW } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withCanary } from './fleet-canary-row.ts';
import { stat, timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const HOSTS = ['instance'];
const tenants = ofFactor('tenant');
const hostLost = sum(recorded(HOST_LOST), HOSTS);
const worstHosts = top(20, where(hostLost, '> 0'));
const ofWorstHosts = (query: Query): Query => only(query, HOSTS, worstHosts);
const worstTaps = top(20, atMostAll(max(recorded(LOSING), DEVICE)));

export function fleetDashboard(): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: Fleet',
    uid: FLEET_UID,
    description:
      'Many hosts: whose packets are lost on their way to guests and readers, what the losing taps have in common, the worst hosts. Needs the recording rules of deploy/fleet.',
    refresh: '1m',
    from: 'now-6h',
  }).withVariable(dataSource());
  return withCanary(withHosts(withFactors(withTenants(withAnswer(builder))))).build();
}

function withAnswer(builder: DashboardBuilder): DashboardBuilder {
  const answering = count(sum(recorded(HOST), HOSTS));
  const known = count(sum(everIn(recorded(HOST)), HOSTS));
  const inexact = count(where(recorded(INFO), '== 0'));
  return builder
    .withRow(new RowBuilder('Does the fleet lose packets?'))
    .withPanel(stat({ title: 'Hosts', tells: 'That answer now.', width: 4, query: answering }))
    .withPanel(
      stat({
        title: 'Silent hosts',
        tells: 'They answered in the time shown, and do not now. Nothing on this page speaks for them.',
        width: 4,
        badFrom: 1,
        query: { ...known, expr: `${known.expr} - ${answering.expr}` },
      }),
    )
    .withPanel(stat({ title: 'Taps', tells: 'Of all hosts.', width: 4, query: total(FACTOR_TAPS) }))
    .withPanel(
      stat({
        title: 'Losing taps',
        tells: 'They lost 50 packets and 0.1 % of what was sent to them in the last five minutes, at least.',
        width: 4,
        badFrom: 1,
        query: orZero(total(FACTOR_LOSING_TAPS)),
      }),
    )
    .withPanel(
      stat({
        title: 'Share lost to guests',
        absent: 'Nothing is sent now.',
        tells: 'Of what the hosts sent to all taps.',
        width: 4,
        badFrom: 0.001,
        query: shareLost(total(FACTOR_LOST), total(FACTOR_OFFERED)),
      }),
    )
    .withPanel(
      stat({
        title: 'Inexact taps',
        tells: 'Taps whose figures are known not to be exact: read docs/accuracy.md.',
        width: 4,
        badFrom: 1,
        query: orZero(inexact),
      }),
    );
}

function withTenants(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Whose packets'))
    .withPanel(
      table({
        title: 'Tenants by packets lost to guests',
        tells:
          'Lost at the ring, before tun, or where no counter of the kernel shows it. (none): no source knows a tenant (docs/fleet.md).',
        width: 12,
        columns: [
          { heading: 'Lost', query: tenants.lost },
          { heading: 'Offered', query: tenants.offered },
          { heading: 'Share lost', query: tenants.share },
          { heading: 'Losing taps', query: tenants.losing },
          { heading: 'Taps', query: tenants.taps },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lost to guests by tenant',
        tells: 'Packets per second of the ten tenants that lose most on the way to their guests: since when.',
        width: 12,
        lines: [{ legend: '{{value}}', query: top(10, tenants.lost) }],
      }),
    );
}

function withFactors(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('What do the losing taps have in common?'))
    .withPanel(
      table({
        title: 'Common factors',
        absent: 'No tap loses packets now, or the losing taps have nothing in common.',
        tells:
          'Values that losing taps have more often than chance explains. Lift: how many times as often a tap with it loses packets as the average tap. A place to look, not a proof; tapscope fleet also knows the labels of your scrape configuration.',
        width: 17,
        height: 6,
        columns: [
          { heading: 'Lift', query: common.lift },
          { heading: 'Losing taps', query: common.losing },
          { heading: 'Taps', query: common.taps },
          { heading: 'Losing hosts', query: common.losingHosts },
          { heading: 'Hosts', query: common.hosts },
          { heading: 'Chance at most', query: common.chance },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Lift of common factors',
        absent: 'No common factor in this time range.',
        tells: 'Since when they are common. 1: taps with the value lose packets as often as all others.',
        width: 7,
        height: 6,
        lines: [{ legend: '{{factor}} {{value}}', query: top(5, common.lift) }],
      }),
    );
}

function withHosts(builder: DashboardBuilder): DashboardBuilder {
  const kernel = max(recorded(HOST), ['instance', 'kernel']);
  return builder
    .withRow(new RowBuilder('Which hosts and taps'))
    .withPanel(
      table({
        title: 'Worst hosts by packets lost to guests',
        absent: 'No host loses packets now.',
        tells: 'A click on the host shows its queues.',
        width: 12,
        hostLink: HOST_LINK_OF_ROW,
        columns: [
          { heading: 'Lost', query: worstHosts },
          { heading: 'Offered', query: ofWorstHosts(sum(recorded(HOST_OFFERED), HOSTS)) },
          { heading: 'Losing taps', query: ofWorstHosts(sum(recorded(HOST_LOSING_TAPS), HOSTS)) },
          { heading: undefined, query: ofWorstHosts(kernel) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Losing hosts and taps',
        tells: 'How many lost packets in numbers when.',
        width: 12,
        lines: [
          { legend: 'hosts', query: orZero(total(FACTOR_LOSING_HOSTS)) },
          { legend: 'taps', query: orZero(total(FACTOR_LOSING_TAPS)) },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Worst taps',
        absent: 'No tap loses packets now.',
        tells: 'The share of their packets that they lost in the last five minutes. A click on the device shows it.',
        width: 24,
        link: DEVICE_LINK_OF_ROW,
        hostLink: HOST_LINK_OF_ROW,
        columns: [
          { heading: 'Share lost', query: worstTaps },
          {
            heading: undefined,
            query: only(
              max(recorded(LOSING), [...DEVICE, 'kernel', 'program', 'qdisc', 'queue_length', 'tenant']),
              DEVICE,
              worstTaps,
            ),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Worst findings by rule',
        tells: 'Taps by the worst of their findings: what the agents say is wrong.',
        width: 24,
        lines: [{ legend: '{{rule}} ({{severity}})', query: count(recorded(FINDING), ['rule', 'severity']) }],
      }),
    );
}
