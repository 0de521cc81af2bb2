// SPDX-License-Identifier: Apache-2.0
// A heat map panel as SVG: a row for each bucket, darker where more was observed.
import type { Answer } from '../test/answers.ts';
import { figure } from './figure.ts';
import { AXIS, type Box, ROW, text, timeMarks } from './plot.ts';

const COLOUR = '#d94801';

interface Bucket {
  readonly bound: number;
  /** By time: observations a second up to this bound. */
  readonly rates: ReadonlyMap<number, number>;
}

export function plotHeatmap(
  [answer]: readonly Answer[],
  box: Box,
  span: { readonly from: number; readonly to: number },
): string {
  const buckets: readonly Bucket[] = (answer?.series ?? [])
    .map(({ labels, points }) => ({ bound: Number(labels.le?.replace('+Inf', 'Infinity')), rates: new Map(points) }))
    .sort((a, b) => a.bound - b.bound);
  const times = [...new Set(buckets.flatMap(({ rates }) => [...rates.keys()]))].sort((a, b) => a - b);
  const bottom = box.height - ROW;
  const height = bottom / Math.max(1, buckets.length);
  const x = (time: number): number => AXIS + ((time - span.from) / (span.to - span.from)) * (box.width - AXIS);
  const inside = (row: number, time: number): number =>
    Math.max(0, (buckets[row]?.rates.get(time) ?? 0) - (buckets[row - 1]?.rates.get(time) ?? 0));
  const cells = buckets.flatMap((_, row) =>
    times.map((time, column) => ({ row, time, column, seen: inside(row, time) })),
  );
  const most = Math.max(...cells.map(({ seen }) => seen));
  const drawn = cells
    .filter(({ seen }) => seen > 0)
    .map(({ row, time, column, seen }) => {
      const width = x(times[column + 1] ?? span.to) - x(time);
      const y = bottom - (row + 1) * height;
      const place = `x="${x(time).toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"`;
      return `<rect ${place} fill="${COLOUR}" fill-opacity="${Math.max(0.08, seen / most).toFixed(2)}"/>`;
    });
  const names = buckets.flatMap(({ bound }, row) =>
    row % 2 === 0 && Number.isFinite(bound)
      ? [
          text(
            AXIS - 6,
            bottom - (row + 1) * height + 4,
            figure(bound, answer?.query.unit),
            'text-anchor="end" class="small"',
          ),
        ]
      : [],
  );
  return [...names, ...timeMarks(span, x, bottom + ROW), ...drawn].join('\n');
}
