// SPDX-License-Identifier: Apache-2.0
// Findings of the agents: as text on the dashboard Host, as marks on the time axis of every dashboard.
import { AnnotationQueryBuilder, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { count, either, max, namedByItself, type Query, type Scope, sum, times, value } from '../promql/query.ts';
import type { Selection } from '../promql/selection.ts';
import { DATA_SOURCE } from '../promql/variables.ts';
import { DEVICE_LINK_OF_ROW, HOST_LINK_OF_ROW, PAGE_LINK_OF_ROW, RULE_LINK_OF_ROW } from './data-links.ts';
import { stat, timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const NAME = 'tapscope_finding';
const SUBJECT = ['instance', 'rule', 'netns', 'device', 'queue'];
const WORDS = [...SUBJECT, 'severity'];
/** The word and the colour for each figure of severe(). */
const SEVERITIES = [
  { value: 3, text: 'critical', color: 'red' },
  { value: 2, text: 'warning', color: 'orange' },
  { value: 1, text: 'info', color: 'blue' },
];
const OF_AGENT = 'device=""';

/** Findings about the agents themselves, which have no device, and about the chosen devices if `of` chooses some. */
function found({ scope, of }: Chosen, matcher: string): Query {
  const ofAgents = value(scope, NAME, [matcher, OF_AGENT].filter((part) => part !== '').join(','));
  return of === undefined ? ofAgents : either(of(value({ ...scope, agent: scope.device }, NAME, matcher)), ofAgents);
}

interface Chosen {
  readonly scope: Scope;
  readonly of: Selection['of'] | undefined;
}

/**
 * Marks from when a finding begins until it goes, in one colour for each severity that pages. Grafana makes of
 * neighbouring points one mark, so the step is the shortest that a mark can be.
 */
export function withMarks(builder: DashboardBuilder, scope: Scope, of: Selection['of'] | undefined): DashboardBuilder {
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
            .expr(namedByItself(scope, max(found({ scope, of }, `severity="${severity}"`), WORDS)).expr)
            .interval('15s')
            .range(),
        )
        .titleFormat('{{rule}}')
        .textFormat('{{device}} queue {{queue}} ({{name}} on {{instance}})')
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
        absent: 'No agent of this choice answers.',
        tells: 'That stand now.',
        runbook: 'TapscopeFindingCritical',
        width: 4,
        height: 8,
        badFrom: 1,
        query: number('critical'),
      }),
    )
    .withPanel(
      stat({
        title: 'Warnings',
        absent: 'No agent of this choice answers.',
        tells: 'Findings that stand now.',
        runbook: 'TapscopeFindingWarning',
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
          'What stands now, the worst first. On its host, tapscope diagnose DEVICE says the cause, the evidence and what to type. A click on the rule says what it means; one on the device leads to its queue, here or on the live page. Info: harmless, or done on purpose.',
        absent: 'No finding now, if the agents answer.',
        width: 16,
        height: 8,
        hostLink: HOST_LINK_OF_ROW,
        links: {
          rule: [{ title: 'What the rule means', url: RULE_LINK_OF_ROW, targetBlank: true }],
          device: [
            { title: 'Show the queue', url: DEVICE_LINK_OF_ROW },
            { title: 'Live page of the agent', url: PAGE_LINK_OF_ROW, targetBlank: true },
          ],
        },
        worstFirst: 'Severity',
        first: ['Value', 'rule'],
        columns: [{ heading: 'Severity', words: SEVERITIES, query: namedByItself(selection.scope, severe(selection)) }],
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

/** The figure of its severity for each finding, without those that have gone. */
function severe(selection: Selection): Query {
  const of = (figure: number, severity: string): Query =>
    times(figure, max(found(selection, `severity="${severity}"`), SUBJECT));
  return either(of(3, 'critical'), of(2, 'warning'), of(1, 'info'));
}
