// SPDX-License-Identifier: Apache-2.0
// Answers of a Prometheus to the queries of a panel or variable, asked as Grafana asks.
import { listAt } from '../../test/host/checked-json.ts';
import { filledIn, type ShownPanel, type ShownQuery, type ShownVariable } from '../promql/panel-queries.ts';
import type { Prometheus, Series } from './prometheus.ts';

/** A span of time, in seconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Values of a dashboard's variables, as they stand in a matcher. */
export type Choices = Readonly<Record<string, string>>;

interface Answer {
  readonly query: ShownQuery;
  readonly series: readonly Series[];
}

/** Grafana takes four scrape intervals at least; eight allow for scrapes that a busy machine delays. */
const RATE_INTERVAL = '8s';

export async function answersOf(
  prometheus: Prometheus,
  panel: ShownPanel,
  choices: Choices,
  { from, to }: Span,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const query of panel.queries) {
    const times = { __rate_interval: RATE_INTERVAL, __range: `${Math.ceil(to - from)}s` };
    const expr = filledIn(query.expr, { ...choices, ...times });
    const series = query.instant ? prometheus.query(expr, to) : prometheus.range(expr, from, to);
    answers.push({ query, series: await series });
  }
  return answers;
}

interface Option {
  readonly text: string;
  readonly value: string;
}

export async function optionsOf(
  prometheus: Prometheus,
  { query, regex }: ShownVariable,
  choices: Choices,
): Promise<readonly Option[]> {
  const [, kind, argument = '', label = ''] = /^(label_values|query_result)\((.*?)(?:, (\w+))?\)$/.exec(query) ?? [];
  const filled = filledIn(argument, choices);
  if (kind === 'label_values') {
    const values = listAt(await prometheus.ask(`/api/v1/label/${label}/values`, { 'match[]': filled }));
    return values.map((value) => ({ text: String(value), value: String(value) }));
  }
  if (kind !== 'query_result') throw new Error(`${query} is no query of a variable.`);
  return (await prometheus.query(filled)).map((series) => extracted(asText(series), regex ?? ''));
}

/** The series in Grafana's form, which the variable's regular expression reads. */
function asText({ labels }: Series): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `{${pairs.join(',')}} 1`;
}

function extracted(text: string, regex: string): Option {
  const [, body = '', flags = ''] = /^\/(.*)\/(g?)$/.exec(regex) ?? [];
  const found = [...text.matchAll(new RegExp(body, `${flags.replace('g', '')}g`))];
  const group = (name: string): string | undefined => found.map(({ groups }) => groups?.[name]).find(Boolean);
  const value = group('value') ?? found[0]?.[1] ?? '';
  return { text: group('text') ?? value, value };
}
