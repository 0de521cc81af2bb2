// SPDX-License-Identifier: Apache-2.0
// Marks on the charts: when a finding began, and how long it lasts.
import type uPlot from 'uplot';

export interface Mark {
  /** Unix time, seconds. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly colour: string;
}

const FONT = '11px system-ui, sans-serif';

/** `named`: the texts too, which only the highest chart has. */
export function drawMarks({ ctx, bbox, valToPos }: uPlot, marks: readonly Mark[], named: boolean): void {
  const scale = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  marks.forEach(({ from, to, text, colour }, row) => {
    const left = valToPos(from, 'x', true);
    const right = valToPos(to, 'x', true);
    ctx.fillStyle = `${colour}1f`;
    ctx.fillRect(left, bbox.top, Math.max(0, right - left), bbox.height);
    ctx.strokeStyle = colour;
    ctx.lineWidth = scale;
    ctx.setLineDash([4 * scale, 3 * scale]);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    if (!named) return;
    ctx.font = FONT.replace('11', String(11 * scale));
    ctx.fillStyle = colour;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'alphabetic';
    ctx.fillText(text, Math.max(left, bbox.left) + 5 * scale, bbox.top + (13 + 14 * row) * scale);
  });
  ctx.restore();
}
