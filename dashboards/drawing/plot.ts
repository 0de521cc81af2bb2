// SPDX-License-Identifier: Apache-2.0
// The inside of one panel as SVG, from what Prometheus answered. Chart libraries for Node weigh fifty megabytes or a browser.
import type { Answer } from '../test/answers.ts';
import type { Series } from '../test/prometheus.ts';
import { figure, ticks } from './figure.ts';

export interface Box {
  readonly width: number;
  readonly height: number;
}

const COLOURS = [
  '#1f77b4',
  '#d62728',
  '#2ca02c',
  '#ff7f0e',
  '#9467bd',
  '#8c564b',
  '#17becf',
  '#7f7f7f',
  '#bcbd22',
  '#e377c2',
];
const LEGEND_ROWS = 4;
export const ROW = 13;
export const AXIS = 62;

export function text(x: number, y: number, words: string, style = ''): string {
  const escaped = words.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${x}" y="${y}" ${style}>${escaped}</text>`;
}

export function plotLines(
  answers: readonly Answer[],
  box: Box,
  span: { readonly from: number; readonly to: number },
): string {
  const unit = answers[0]?.query.unit;
  const lines = answers
    .flatMap(({ query, series }) => series.map((one) => ({ name: legendOf(query.legend, one), points: one.points })))
    .map((line) => ({ ...line, points: line.points.filter(([, value]) => Number.isFinite(value)) }))
    .sort((a, b) => lastOf(b) - lastOf(a));
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const steps = ticks(Math.min(0, ...values), Math.max(0, ...values));
  const [low = 0, high = 1] = [steps[0], steps.at(-1)];
  const legendHeight = Math.min(LEGEND_ROWS, lines.length) * ROW + 6;
  const bottom = box.height - legendHeight - ROW;
  const x = (time: number): number => AXIS + ((time - span.from) / (span.to - span.from)) * (box.width - AXIS);
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - 6);
  const grid = steps.map(
    (step) =>
      `<path class="grid" d="M${AXIS} ${y(step).toFixed(1)}H${box.width}"/>` +
      text(AXIS - 6, y(step) + 4, figure(step, unit), 'text-anchor="end" class="small"'),
  );
  const marks = timeMarks(span, x, bottom + ROW);
  const drawn = lines.map(({ points }, index) => {
    const path = points.map(([time, value]) => `${x(time).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
    return `<path class="line" stroke="${COLOURS[index % COLOURS.length]}" d="M${path}"/>`;
  });
  return [...grid, ...marks, ...drawn, legend(lines, box, unit)].join('\n');
}

export function timeMarks(
  { from, to }: { readonly from: number; readonly to: number },
  x: (time: number) => number,
  y: number,
): readonly string[] {
  return ticks(0, to - from, 6)
    .filter((seconds) => seconds < 0.97 * (to - from))
    .map((seconds) => text(x(from + seconds), y, `${seconds} s`, 'text-anchor="middle" class="small"'));
}

function legend(
  lines: readonly { readonly name: string; readonly points: Series['points'] }[],
  box: Box,
  unit: string | undefined,
): string {
  const shown = lines.length > LEGEND_ROWS ? lines.slice(0, LEGEND_ROWS - 1) : lines;
  const rows = shown.map(({ name, points }, index) => {
    const at = box.height - (Math.min(LEGEND_ROWS, lines.length) - index) * ROW + ROW - 4;
    const last = points.at(-1)?.[1] ?? Number.NaN;
    const highest = Math.max(...points.map(([, value]) => value));
    const figures = `last ${figure(last, unit)}, max ${figure(highest, unit)}`;
    return (
      `<rect x="0" y="${at - 7}" width="12" height="4" fill="${COLOURS[index % COLOURS.length]}"/>` +
      text(18, at, name, 'class="small"') +
      text(box.width, at, figures, 'text-anchor="end" class="small"')
    );
  });
  if (shown.length < lines.length)
    rows.push(text(18, box.height - 4, `and ${lines.length - shown.length} more`, 'class="small"'));
  return rows.join('\n');
}

export function plotStat(answers: readonly Answer[], box: Box): string {
  const [answer] = answers;
  const [series] = answer?.series ?? [];
  if (answer === undefined || series === undefined) return '';
  // A legend made of labels is the message, and the value only says that it holds.
  const words = answer.query.legend.includes('{{')
    ? legendOf(answer.query.legend, series)
    : figure(series.points.at(-1)?.[1] ?? Number.NaN, answer.query.unit);
  return text(box.width / 2, box.height / 2 + 10, words, 'text-anchor="middle" class="big"');
}

function lastOf({ points }: Pick<Series, 'points'>): number {
  return points.at(-1)?.[1] ?? Number.NEGATIVE_INFINITY;
}

function legendOf(legend: string, { labels }: Series): string {
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}
