// SPDX-License-Identifier: Apache-2.0
// One call per table: a row for each set of labels that the columns' queries have in common, with headings in words.
import { TableCellDisplayMode, TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import type { Query } from '../promql/query.ts';
import { DATA_SOURCE } from '../promql/variables.ts';
import { reasonFor } from './absent-reasons.ts';
import { HEIGHT, refId, runbookOf, type Words } from './panels.ts';

/** A figure that stands for a word. */
interface Word {
  readonly value: number;
  readonly text: string;
  readonly color: string;
}

/** heading undefined: the labels are the information, the value is not shown. */
interface Column {
  readonly heading: string | undefined;
  readonly query: Query;
  /** Shown in the place of the figure. */
  readonly words?: readonly Word[];
}

interface Link {
  readonly title: string;
  readonly url: string;
  readonly targetBlank?: boolean;
}

interface Table extends Words {
  readonly columns: readonly Column[];
  /** Where a click on the device leads. */
  readonly link?: string;
  /** Where a click on the guest leads. */
  readonly guestLink?: string;
  /** Where a click on the host leads. */
  readonly hostLink?: string;
  /** Further links, by label. */
  readonly links?: Readonly<Record<string, readonly Link[]>>;
  /** The heading by whose figures the rows are sorted, the largest first. */
  readonly worstFirst?: string;
  /** Fields that stand before all others. */
  readonly first?: readonly string[];
  /** Labels that only links need. */
  readonly hidden?: readonly string[];
}

/** The least width of a column, in pixels. */
const NARROWEST = 110;
/** The order of the labels that most tables have; others follow by name. */
const ORDER = ['device', 'queue', 'guest', 'name', 'netns', 'instance'];
/** Headings of labels, and the width in pixels where values are long. */
const LABELS: Readonly<Record<string, readonly [heading: string, width?: number]>> = {
  device: ['Device'],
  queue: ['Queue'],
  guest: ['VM or owner', 160],
  name: ['Namespace'],
  netns: ['Namespace'],
  instance: ['Host', 140],
  rule: ['Rule', 170],
  way: ['Way and place', 320],
  comm: ['Process', 140],
  pid: ['Process number'],
  thread: ['Thread'],
  tid: ['Thread'],
  kernel: ['Kernel', 190],
  value: ['Value', 165],
  factor: ['Factor'],
  tenant: ['Tenant'],
  program: ['Program'],
  qdisc: ['Qdisc'],
  flow_control: ['Flow control', 160],
  queue_length: ['Ring size'],
  kind: ['Kind'],
  state: ['State'],
  event: ['Event', 150],
  mechanism: ['Mechanism', 150],
  uuid: ['UUID', 300],
  vm: ['VM'],
  runtime: ['Runtime'],
  container: ['Container'],
  pod: ['Pod'],
  unit: ['Unit'],
  ifindex: ['Interface number'],
  multi_queue: ['Multi-queue'],
  persistent: ['Persistent'],
  vnet_header: ['Virtio header'],
  version: ['tapscope'],
  node_version: ['Node.js'],
};
const HIDDEN: readonly DynamicConfigValue[] = [
  // Grafana reads hideFrom since 12.2, hidden before.
  { id: 'custom.hidden', value: true },
  { id: 'custom.hideFrom', value: { legend: false, tooltip: false, viz: true } },
];

export function table(words: Table): TablePanel {
  const order = [...(words.first ?? []), ...ORDER];
  const indexByName = Object.fromEntries(order.map((name, index) => [name, index]));
  const panel = new TablePanel()
    .title(words.title)
    .description(words.tells)
    .datasource(DATA_SOURCE)
    .height(words.height ?? HEIGHT)
    .span(words.width)
    .noValue(
      reasonFor(
        words.columns.map(({ query }) => query),
        words.absent,
      ),
    )
    .links(runbookOf(words))
    .filterable(true)
    .minWidth(NARROWEST)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true, job: true, __name__: true }, indexByName },
    })
    // The reason is for the whole table: a cell without a value stays empty.
    .overrideByRegexp('.*', [{ id: 'noValue', value: '' }]);
  if (words.worstFirst !== undefined)
    panel.sortBy([new TableSortByFieldStateBuilder().displayName(words.worstFirst).desc(true)]);
  for (const [index, column] of words.columns.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(refId(index))
        .expr(column.query.expr)
        .format(PromQueryFormat.Table)
        .datasource(DATA_SOURCE)
        .instant(),
    );
    // Grafana names the only value "Value", and several by their queries.
    const field = words.columns.length === 1 ? 'Value' : `Value #${refId(index)}`;
    panel.overrideByName(field, columnProperties(column));
  }
  return withLabels(words, panel);
}

function withLabels(words: Table, panel: TablePanel): TablePanel {
  const text = words.columns.map(({ query }) => query.expr).join('\n');
  const isNamed = text.includes('group_left (name)');
  const links = linksOf(words);
  for (const [label, [heading, width]] of Object.entries(LABELS)) {
    if (!new RegExp(`\\b${label}\\b`).test(text)) continue;
    const own = links[label];
    // The name is shown; links need the number. Grafana shows only one of two columns with the same heading.
    const isNumber = label === 'netns' && isNamed;
    panel.overrideByName(label, [
      { id: 'displayName', value: isNumber ? 'Namespace number' : heading },
      ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
      ...(own === undefined ? [] : [{ id: 'links', value: own }]),
      ...(isNumber || words.hidden?.includes(label) ? HIDDEN : []),
    ]);
  }
  return panel;
}

function linksOf({ link, guestLink, hostLink, links }: Table): Readonly<Record<string, readonly Link[]>> {
  const single = (title: string, url: string | undefined): readonly Link[] =>
    url === undefined ? [] : [{ title, url }];
  const all = {
    device: single('Show the queue', link),
    guest: single('Show the VM', guestLink),
    instance: single('Show the host', hostLink),
  };
  const own = Object.entries(all).filter(([, list]) => list.length > 0);
  return { ...Object.fromEntries(own), ...links };
}

function columnProperties({ heading, query: { unit }, words = [] }: Column): DynamicConfigValue[] {
  if (heading === undefined) return [...HIDDEN];
  return [
    { id: 'displayName', value: heading },
    { id: 'unit', value: unit },
    // The sign of a filter would hide half of the heading.
    { id: 'custom.filterable', value: false },
    ...inWords(words),
  ];
}

function inWords(words: readonly Word[]): readonly DynamicConfigValue[] {
  if (words.length === 0) return [];
  const options = Object.fromEntries(words.map(({ value, text, color }, index) => [value, { text, color, index }]));
  return [
    { id: 'mappings', value: [{ type: 'value', options }] },
    { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } },
    { id: 'custom.align', value: 'left' },
  ];
}
