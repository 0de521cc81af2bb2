// SPDX-License-Identifier: Apache-2.0
// Findings on the time axis, as Grafana draws annotations that last: a line where each begins and a bar below the axis.
import type { GrafanaTheme2 } from '@grafana/data';
import type { Mark } from './board-data.ts';

interface Plot {
  readonly ctx: CanvasRenderingContext2D;
  readonly bbox: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  valToPos(value: number, scale: string, canvasPixels: boolean): number;
}

export function markHook(marks: readonly Mark[], theme: GrafanaTheme2): (plot: Plot) => void {
  return ({ ctx, bbox, valToPos }) => {
    const ratio = window.devicePixelRatio;
    ctx.save();
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    for (const { from, to, color } of marks) {
      const [left, right] = [from, to].map((time) =>
        Math.min(Math.max(valToPos(1000 * time, 'x', true), bbox.left), bbox.left + bbox.width),
      ) as [number, number];
      ctx.strokeStyle = theme.visualization.getColorByName(color);
      ctx.fillStyle = ctx.strokeStyle;
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillRect(left, bbox.top + bbox.height, right - left, 3 * ratio);
    }
    ctx.restore();
  };
}
