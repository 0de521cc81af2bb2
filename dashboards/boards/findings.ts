// SPDX-License-Identifier: Apache-2.0
// What the agents' rules found: on the dashboard Host in words, on the time axis of every dashboard as marks.
import { AnnotationQueryBuilder, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { count, either, max, type Query, type Scope, sum, value, where } from '../promql/query.ts';
import type { Selection } from '../promql/selection.ts';
import { DATA_SOURCE } from '../promql/variables.ts';
import { DEVICE_LINK_OF_ROW } from './data-links.ts';
import { stat, table, timeseries } from './panels.ts';

const NAME = 'tapscope_finding';
const WORDS = ['instance', 'severity', 'rule', 'netns', 'device', 'queue'];
const OF_AGENT = 'device=""';

/** Of the chosen devices, and of the agents themselves, which have no device. */
function found({ scope, of }: Pick<Selection, 'scope' | 'of'>, matcher: string): Query {
  const ofDevices = of(value({ ...scope, agent: scope.device }, NAME, matcher));
  return either(ofDevices, value(scope, NAME, [matcher, OF_AGENT].filter((part) => part !== '').join(',')));
}

/**
 * Marks from when a finding begins until it goes, in one colour for each severity that pages. Grafana makes of
 * neighbouring points one mark, so the step is the shortest that a mark can be.
 */
export function withMarks(builder: DashboardBuilder, scope: Scope, of: Selection['of']): DashboardBuilder {
  for (const { severity, color } of [
    { severity: 'critical', color: 'red' },
    { severity: 'warning', color: 'orange' },
  ]) {
    builder.annotation(
      new AnnotationQueryBuilder()
        .name(`${severity} findings`)
        .datasource(DATA_SOURCE)
        .enable(true)
        .iconColor(color)
        .target(
          new DataqueryBuilder()
            .refId('Anno')
            .expr(max(found({ scope, of }, `severity="${severity}"`), WORDS).expr)
            .interval('15s')
            .range(),
        )
        .titleFormat('{{rule}}')
        .textFormat('{{device}} queue {{queue}} ({{netns}} on {{instance}})')
        .tagKeys('severity,rule'),
    );
  }
  return builder;
}

export function withFindings(builder: DashboardBuilder, selection: Selection): DashboardBuilder {
  // Without a finding there is no series: 0 is shown for agents that answer, and for no others.
  const none = count(value(selection.scope, 'tapscope_build_info'));
  const number = (severity: string): Query =>
    either(count(max(found(selection, `severity="${severity}"`), WORDS)), { ...none, expr: `0 * ${none.expr}` });
  return builder
    .withRow(new RowBuilder('What is wrong, as the agents judge it'))
    .withPanel(
      stat({
        title: 'Critical findings',
        tells: 'That stand now.',
        width: 4,
        height: 8,
        badFrom: 1,
        query: number('critical'),
      }),
    )
    .withPanel(
      stat({
        title: 'Warnings',
        tells: 'Findings that stand now.',
        width: 4,
        height: 8,
        badFrom: 1,
        query: number('warning'),
      }),
    )
    .withPanel(
      table({
        title: 'Findings',
        tells:
          'What stands now. On its host, tapscope diagnose DEVICE says the cause, the evidence and what to type; tapscope explain RULE what the rule means. Info: harmless, or done on purpose.',
        width: 16,
        height: 8,
        link: DEVICE_LINK_OF_ROW,
        columns: [{ heading: undefined, query: where(max(found(selection, ''), WORDS), '> 0') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Findings by rule',
        tells: 'How many stood when: of each rule and severity, devices and queues.',
        width: 24,
        lines: [{ legend: '{{rule}} ({{severity}})', query: sum(found(selection, ''), ['rule', 'severity']) }],
      }),
    );
}
