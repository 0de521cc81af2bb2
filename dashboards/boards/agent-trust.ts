// SPDX-License-Identifier: Apache-2.0
// Whether the agents' figures are exact: the first row of the dashboard Agent, and in short the last of Host.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { count, either, only, type Query, type Scope, sum, value, where } from '../promql/query.ts';
import { stat } from './panels.ts';

export function withTrust(builder: DashboardBuilder, scope: Scope): DashboardBuilder {
  return inShort(builder.withRow(new RowBuilder('Can the figures be believed?')), scope)
    .withPanel(
      stat({
        title: 'Namespaces not entered',
        tells: 'Seen, but their devices lack what rtnetlink knows.',
        runbook: 'TapscopeAgentBlind',
        width: 8,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_namespaces_unresolved')),
      }),
    )
    .withPanel(
      stat({
        title: 'Devices folded',
        tells: 'Beyond the series budget, shown as device ~other.',
        runbook: 'TapscopeAgentBlind',
        width: 8,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_devices_folded')),
      }),
    )
    .withPanel(
      stat({
        title: 'Agents open to all',
        tells: 'They listen beyond loopback without a password or client certificates: see --web.config.file.',
        width: 8,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_endpoint_exposed')),
      }),
    );
}

/** Adds the short row about trust to the dashboard Host. */
export function withTrustInShort(builder: DashboardBuilder, scope: Scope): DashboardBuilder {
  return inShort(builder.withRow(new RowBuilder('Can the figures be believed? The dashboard Agent says more')), scope);
}

function inShort(builder: DashboardBuilder, scope: Scope): DashboardBuilder {
  return builder.withPanel(level(scope)).withPanel(silent(scope)).withPanel(blind(scope));
}

function level(scope: Scope): StatPanel {
  return stat({
    title: 'Level',
    tells: 'exact, or lean while the budget is passed.',
    runbook: 'TapscopeOverBudget',
    width: 8,
    legend: '{{level}}',
    query: where(value(scope, 'tapscope_agent_level'), '== 1'),
  });
}

function silent(scope: Scope): StatPanel {
  return stat({
    title: 'Agents that do not answer',
    tells: 'Of their hosts nothing is known now. The scrape job is called tapscope.',
    runbook: 'TapscopeScrapeStale',
    width: 8,
    badFrom: 1,
    query: unanswered(scope),
  });
}

function blind(scope: Scope): StatPanel {
  // While tun is not loaded nothing can be attached, and there is nothing to see.
  const devices = value({ ...scope, device: scope.agent }, 'tapscope_device_up');
  return stat({
    title: 'Events not measured',
    tells: 'On hosts that have devices. Anything but 0: tapscope doctor says why.',
    absent: 'No host of this choice has devices.',
    runbook: 'TapscopeAgentBlind',
    width: 8,
    badFrom: 1,
    query: sum(only(where(value(scope, 'tapscope_probe_attached'), '== bool 0'), ['instance'], devices)),
  });
}

/** Counts agents that do not answer by Prometheus's own `up`: a dead agent has no other series. Unscraped hosts give no 0. */
function unanswered(scope: Scope): Query {
  const answering = count(value(scope, 'tapscope_build_info'));
  const expr = `count(up{job="tapscope",${scope.agent}} == 0)`;
  return either({ ...answering, expr }, { ...answering, expr: `0 * ${answering.expr}` });
}
