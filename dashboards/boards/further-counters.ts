// SPDX-License-Identifier: Apache-2.0
// Counters of a queue that no other panel shows: each gets a panel made of its name and HELP text, so that a new one needs none by hand.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { plainQueueCounters, rate, type Scope, sum } from '../promql/query.ts';
import { timeseries } from './panels.ts';

/** `others`: all other dashboards. */
export function withFurtherCounters(
  builder: DashboardBuilder,
  scope: Scope,
  others: readonly Dashboard[],
): DashboardBuilder {
  const shown = new Set(JSON.stringify([builder.build(), ...others]).match(/\btapscope_\w+/g));
  const further = plainQueueCounters.filter(({ name }) => !shown.has(name));
  if (further.length > 0) builder.withRow(new RowBuilder('Further counters of the queue'));
  for (const { name, help } of further) {
    const lines = [{ legend: 'queue {{queue}}', query: sum(rate(scope, name), ['queue']) }];
    builder.withPanel(timeseries({ title: name, tells: help, width: 8, lines }));
  }
  return builder;
}
