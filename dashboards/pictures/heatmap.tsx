// SPDX-License-Identifier: Apache-2.0
// A heat map of a histogram's buckets. Grafana's own is not in its packages: this draws its cells on Grafana's axes.
import {
  type DataFrame,
  formattedValueToString,
  type GrafanaTheme2,
  getValueFormat,
  type PanelModel,
  type TimeRange,
} from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder } from '@grafana/ui';
import { interpolateOranges } from 'd3-scale-chromatic';
import type { ReactNode } from 'react';

interface Row {
  readonly bound: number;
  /** By time in milliseconds: observations a second up to this bound. */
  readonly rates: ReadonlyMap<number, number>;
}

interface Properties {
  readonly panel: PanelModel;
  readonly frames: readonly DataFrame[];
  readonly theme: GrafanaTheme2;
  readonly range: TimeRange;
  readonly width: number;
  readonly height: number;
}

export function Heatmap({ panel, frames, theme, range, width, height }: Properties): ReactNode {
  const rows = rowsOf(frames);
  const times = [...new Set(rows.flatMap(({ rates }) => [...rates.keys()]))].sort((a, b) => a - b);
  const seen = (row: number, time: number): number =>
    Math.max(0, (rows[row]?.rates.get(time) ?? 0) - (rows[row - 1]?.rates.get(time) ?? 0));
  const most = Math.max(...rows.flatMap((_, row) => times.map((time) => seen(row, time))));
  const step = (times[1] ?? 0) - (times[0] ?? 0);
  const { color, yAxis, cellGap } = panel.options;
  const format = getValueFormat(yAxis.unit);
  const every = Math.ceil(rows.length / Math.max(1, Math.floor(height / 30)));
  const config = new UPlotConfigBuilder('utc');
  config.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [range.from.valueOf(), range.to.valueOf()],
  });
  config.addScale({
    scaleKey: 'y',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, rows.length],
  });
  config.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, theme, grid: { show: false } });
  config.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    grid: { show: false },
    splits: rows.map((_, row) => row + 1).filter((edge) => edge % every === 0),
    values: (_, edges) =>
      edges.map((edge) =>
        labelOf(rows[edge - 1]?.bound ?? Number.NaN, (bound) => formattedValueToString(format(bound))),
      ),
  });
  config.addHook('draw', (plot) => {
    const { ctx } = plot;
    ctx.save();
    for (const [row] of rows.entries())
      for (const time of times) {
        const rate = seen(row, time);
        if (rate <= 0) continue;
        const [left, right] = [time, time + step].map((at) =>
          plot.valToPos(Math.min(at, range.to.valueOf()), 'x', true),
        ) as [number, number];
        const [bottom, top] = [row, row + 1].map((edge) => plot.valToPos(edge, 'y', true)) as [number, number];
        // On a dark page the scheme is reversed, as Grafana does.
        const share = (rate / most) ** color.exponent;
        ctx.fillStyle = interpolateOranges(theme.isDark ? 1 - share : share);
        ctx.fillRect(left, top, right - left - cellGap, bottom - top - cellGap);
      }
    ctx.restore();
  });
  config.setPrepData(() => [times, times.map(() => 0)]);
  config.addSeries({
    scaleKey: 'y',
    theme,
    pathBuilder: () => null,
    pointsBuilder: () => undefined,
    lineColor: 'transparent',
  } as never);
  return <UPlotChart config={config} data={[times, times.map(() => 0)]} width={width} height={height} />;
}

function rowsOf(frames: readonly DataFrame[]): readonly Row[] {
  return frames
    .map(({ fields: [time, value] }) => ({
      bound: Number(value?.labels?.le?.replace('+Inf', 'Infinity')),
      rates: new Map<number, number>(time?.values.map((moment, index) => [moment, value?.values[index] ?? 0])),
    }))
    .sort((a, b) => a.bound - b.bound);
}

function labelOf(bound: number, format: (bound: number) => string): string {
  return Number.isFinite(bound) ? format(bound) : '+Inf';
}
