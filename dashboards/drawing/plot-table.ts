// SPDX-License-Identifier: Apache-2.0
// A table panel as SVG: rows are sets of labels, as Grafana's transformation "merge" makes them.
import type { Answer } from '../test/answers.ts';
import type { Series } from '../test/prometheus.ts';
import { figure } from './figure.ts';
import { type Box, text } from './plot.ts';

type Row = Readonly<Record<string, string>>;

const ROW = 15;
const CHARACTER = 5.9;
const HIDDEN = ['job', '__name__'];

export function plotTable(answers: readonly Answer[], box: Box): string {
  const rows = mergedRows(answers);
  const headings = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const wanted = headings.map(
    (heading) => Math.max(heading.length, ...rows.map((row) => (row[heading] ?? '').length)) + 2,
  );
  const scale = Math.min(1.6, box.width / CHARACTER / wanted.reduce((sum, width) => sum + width, 0));
  const left = wanted.map(
    (_, index) => wanted.slice(0, index).reduce((sum, width) => sum + width, 0) * scale * CHARACTER,
  );
  const fitting = rows.slice(0, Math.floor(box.height / ROW) - 1);
  const cells = (row: Row, y: number, style: string): string[] =>
    headings.map((heading, column) =>
      text(
        Math.round(left[column] ?? 0),
        y,
        cut(row[heading] ?? '', (wanted[column] ?? 0) * Math.min(1, scale)),
        style,
      ),
    );
  const header = Object.fromEntries(headings.map((heading) => [heading, heading]));
  return [
    ...cells(header, ROW - 4, 'class="small bold"'),
    `<path class="grid" d="M0 ${ROW}H${box.width}"/>`,
    ...fitting.flatMap((row, index) => cells(row, (index + 2) * ROW - 3, 'class="small"')),
  ].join('\n');
}

function cut(words: string, characters: number): string {
  return words.length <= characters ? words : `${words.slice(0, Math.max(1, Math.floor(characters) - 2))}…`;
}

function mergedRows(answers: readonly Answer[]): readonly Row[] {
  const rows: { labels: Row; values: Row }[] = [];
  for (const { query, series } of answers) {
    for (const one of series) {
      const labels = shownLabels(one);
      const values: Row =
        query.heading === undefined ? {} : { [query.heading]: figure(one.points[0]?.[1] ?? 0, query.unit) };
      const known = rows.find((row) =>
        Object.entries(labels).every(([label, value]) => (row.labels[label] ?? value) === value),
      );
      if (known === undefined || answers.length === 1) rows.push({ labels, values });
      else Object.assign(known, { labels: { ...known.labels, ...labels }, values: { ...known.values, ...values } });
    }
  }
  return rows.map(({ labels, values }) => ({ ...labels, ...values }));
}

function shownLabels({ labels }: Series): Row {
  return Object.fromEntries(Object.entries(labels).filter(([label]) => !HIDDEN.includes(label)));
}
