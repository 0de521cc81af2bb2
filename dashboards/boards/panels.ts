// SPDX-License-Identifier: Apache-2.0
// One call per panel: what it is called, what it tells, its queries. Units come with the queries.
import {
  BigValueGraphMode,
  BigValueTextMode,
  GraphGradientMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as HeatmapPanel,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Observed, type Query, spread } from '../promql/query.ts';
import { DATA_SOURCE } from '../promql/variables.ts';
import { reasonFor } from './absent-reasons.ts';
import { runbookLink } from './data-links.ts';

interface Line {
  /** Legend; {{label}} stands for the label's value. */
  readonly legend: string;
  readonly query: Query;
}

export interface Words {
  readonly title: string;
  /** The figure, its direction, and what to do with it. */
  readonly tells: string;
  /** Why there may be no data, shown in its place; without it, what the metrics need (absent-reasons.ts). */
  readonly absent?: string;
  /** The alert whose runbook says what to do. */
  readonly runbook?: string;
  /** Columns of Grafana's grid, which has 24. */
  readonly width: number;
  readonly height?: number;
}

export const HEIGHT = 8;
export const refId = (index: number): string => String.fromCharCode(65 + index);

interface Lines extends Words {
  readonly lines: readonly Line[];
  readonly link?: string;
  /** May be negative. */
  readonly signed?: boolean;
  /** Drawn as a dashed line. */
  readonly limit?: number;
}

export function timeseries(words: Lines): TimeseriesPanel {
  const panel = new TimeseriesPanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .unit(commonUnit(words.title, words.lines))
    .height(words.height ?? HEIGHT)
    .span(words.width)
    .fillOpacity(10)
    .gradientMode(GraphGradientMode.None)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max'])
        // A legend shows three lines and scrolls: the largest come first.
        .sortBy('Last *')
        .sortDesc(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (!words.signed) panel.min(0);
  panel
    .noValue(
      reasonFor(
        words.lines.map(({ query }) => query),
        words.absent,
      ),
    )
    .links(runbookOf(words));
  if (words.limit !== undefined) {
    panel
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
      .thresholds(thresholds('transparent', words.limit));
  }
  for (const [index, { legend, query }] of words.lines.entries()) {
    panel.withTarget(
      new DataqueryBuilder().refId(refId(index)).expr(query.expr).legendFormat(legend).datasource(DATA_SOURCE).range(),
    );
  }
  return words.link === undefined
    ? panel
    : panel.dataLinks([new DashboardLinkBuilder('Show the queue').url(words.link)]);
}

/** Shows how often each value was seen; `seen` is of observed(). */
export function heatmap({ seen, ...words }: Words & { readonly seen: Observed }): HeatmapPanel {
  const query = spread(seen);
  return new HeatmapPanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .height(words.height ?? HEIGHT)
    .span(words.width)
    .noValue(reasonFor([query], words.absent))
    .links(runbookOf(words))
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').exponent(0.5).steps(64))
    .yAxis(new YAxisConfigBuilder().unit(query.unit))
    .withTarget(
      new DataqueryBuilder()
        .refId('A')
        .expr(query.expr)
        .legendFormat('{{le}}')
        .format(PromQueryFormat.Heatmap)
        .datasource(DATA_SOURCE)
        .range(),
    );
}

interface Stat extends Words {
  readonly query: Query;
  /** Shown in the place of the value. */
  readonly legend?: string;
  /** Red from here on; a figure that is never bad has no colour: Grafana would paint it red from 80 on. */
  readonly badFrom?: number;
}

/** Asks only for the end of the time shown: the last value of a range would outlive an agent that died in it. */
export function stat(words: Stat): StatPanel {
  return new StatPanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .unit(words.query.unit)
    .thresholds(thresholds(words.badFrom === undefined ? 'text' : 'green', words.badFrom))
    .noValue(reasonFor([words.query], words.absent))
    .links(runbookOf(words))
    .height(words.height ?? HEIGHT / 2)
    .span(words.width)
    .graphMode(BigValueGraphMode.None)
    .textMode(words.legend === undefined ? BigValueTextMode.Auto : BigValueTextMode.Name)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .withTarget(
      new DataqueryBuilder()
        .refId('A')
        .expr(words.query.expr)
        .legendFormat(words.legend ?? words.title)
        .datasource(DATA_SOURCE)
        .instant(),
    );
}

function thresholds(below: string, red: number | undefined): ThresholdsConfigBuilder {
  const steps = [{ value: null, color: below }, ...(red === undefined ? [] : [{ value: red, color: 'red' }])];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

export function runbookOf({ runbook }: Words): DashboardLinkBuilder[] {
  if (runbook === undefined) return [];
  const link = new DashboardLinkBuilder(`Runbook: ${runbook}`).type(DashboardLinkType.Link);
  return [link.url(runbookLink(runbook)).targetBlank(true)];
}

function commonUnit(title: string, lines: readonly Line[]): string {
  const units = new Set(lines.map(({ query }) => query.unit));
  const [unit] = units;
  if (units.size !== 1 || unit === undefined)
    throw new Error(`Panel '${title}' mixes units: ${[...units].join(', ')}.`);
  return unit;
}
