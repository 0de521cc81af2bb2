// SPDX-License-Identifier: Apache-2.0
// One call per panel: what it is called, what it tells, its queries. Units come with the queries.
import {
  BigValueGraphMode,
  BigValueTextMode,
  GraphGradientMode,
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
  type DynamicConfigValue,
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
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Query, sum } from '../promql/query.ts';
import { DATA_SOURCE } from '../promql/variables.ts';

export interface Line {
  /** Legend; {{label}} stands for the label's value. */
  readonly legend: string;
  readonly query: Query;
}

interface Words {
  readonly title: string;
  /** What the figure is and in which direction; what to do with it. */
  readonly tells: string;
  /** Why there may be no data: shown in its place. */
  readonly absent?: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly height?: number;
}

const HEIGHT = 8;
/** Of a table's columns, in pixels. */
const NARROWEST = 110;
/** Of a column, in pixels: the version of a distribution's kernel. */
const WIDE = 190;
const refId = (index: number): string => String.fromCharCode(65 + index);

interface Lines extends Words {
  readonly lines: readonly Line[];
  readonly link?: string;
  /** May be negative. */
  readonly signed?: boolean;
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
  if (words.absent !== undefined) panel.noValue(words.absent);
  for (const [index, { legend, query }] of words.lines.entries()) {
    panel.withTarget(
      new DataqueryBuilder().refId(refId(index)).expr(query.expr).legendFormat(legend).datasource(DATA_SOURCE).range(),
    );
  }
  return words.link === undefined
    ? panel
    : panel.dataLinks([new DashboardLinkBuilder('Show the queue').url(words.link)]);
}

/** How often which values were seen; `seen`: by observed(). */
export function heatmap({ seen, ...words }: Words & { readonly seen: Query }): HeatmapPanel {
  return new HeatmapPanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .height(words.height ?? HEIGHT)
    .span(words.width)
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').exponent(0.5).steps(64))
    .yAxis(new YAxisConfigBuilder().unit(seen.unit))
    .withTarget(
      new DataqueryBuilder()
        .refId('A')
        .expr(sum(seen, ['le']).expr)
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

/** Asked of the end of the time shown alone: the last value of a range would outlive an agent that died in it. */
export function stat(words: Stat): StatPanel {
  const steps = [
    { value: null, color: words.badFrom === undefined ? 'text' : 'green' },
    ...(words.badFrom === undefined ? [] : [{ value: words.badFrom, color: 'red' }]),
  ];
  const panel = new StatPanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .unit(words.query.unit)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
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
  return words.absent === undefined ? panel : panel.noValue(words.absent);
}

/** heading undefined: the labels are the information, the value is not shown. */
export interface Column {
  readonly heading: string | undefined;
  readonly query: Query;
}

interface Table extends Words {
  readonly columns: readonly Column[];
  /** Of the device. */
  readonly link?: string;
  /** Of the guest. */
  readonly guestLink?: string;
  /** Where a click on the host leads. */
  readonly hostLink?: string;
  /** Labels whose values are long, such as a kernel's version. */
  readonly wide?: readonly string[];
}

/** Rows are sets of labels that the columns' queries have in common. */
export function table(words: Table): TablePanel {
  const panel = new TablePanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .height(words.height ?? HEIGHT)
    .span(words.width)
    .filterable(true)
    .minWidth(NARROWEST)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: { excludeByName: { Time: true, job: true, __name__: true } } });
  for (const [index, { heading, query }] of words.columns.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(refId(index))
        .expr(query.expr)
        .format(PromQueryFormat.Table)
        .datasource(DATA_SOURCE)
        .instant(),
    );
    // Grafana names the only value "Value", and several by their queries.
    const field = words.columns.length === 1 ? 'Value' : `Value #${refId(index)}`;
    panel.overrideByName(field, columnProperties(heading, query));
  }
  if (words.link !== undefined) {
    panel.overrideByName('device', [{ id: 'links', value: [{ title: 'Show the queue', url: words.link }] }]);
  }
  if (words.guestLink !== undefined) {
    panel.overrideByName('guest', [{ id: 'links', value: [{ title: 'Show the VM', url: words.guestLink }] }]);
  }
  if (words.hostLink !== undefined) {
    panel.overrideByName('instance', [{ id: 'links', value: [{ title: 'Show the host', url: words.hostLink }] }]);
  }
  for (const name of words.wide ?? []) panel.overrideByName(name, [{ id: 'custom.width', value: WIDE }]);
  return panel;
}

function columnProperties(heading: string | undefined, { unit }: Query): DynamicConfigValue[] {
  if (heading === undefined) {
    // Grafana reads hideFrom since 12.2, hidden before.
    return [
      { id: 'custom.hidden', value: true },
      { id: 'custom.hideFrom', value: { legend: false, tooltip: false, viz: true } },
    ];
  }
  return [
    { id: 'displayName', value: heading },
    { id: 'unit', value: unit },
    // The sign of a filter would hide half of the heading.
    { id: 'custom.filterable', value: false },
  ];
}

function commonUnit(title: string, lines: readonly Line[]): string {
  const units = new Set(lines.map(({ query }) => query.unit));
  const [unit] = units;
  if (units.size !== 1 || unit === undefined)
    throw new Error(`Panel '${title}' mixes units: ${[...units].join(', ')}.`);
  return unit;
}
