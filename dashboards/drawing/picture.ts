// SPDX-License-Identifier: Apache-2.0
// A dashboard as one SVG, its panels in their places, drawn from what a Prometheus answers to their queries.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { allPanels, type ShownPanel } from '../promql/panel-queries.ts';
import { type Answer, answersOf, type Choices } from '../test/answers.ts';
import type { Prometheus } from '../test/prometheus.ts';
import { type Box, plotLines, plotStat, text } from './plot.ts';
import { plotHeatmap } from './plot-heatmap.ts';
import { plotTable } from './plot-table.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

const COLUMN = 50;
const LINE = 27;
const PADDING = 10;
const TITLE = 22;
const STYLE =
  'text{font:12px sans-serif;fill:#24292f}.small{font-size:10px}.bold{font-weight:bold}.big{font-size:24px}' +
  '.grid{stroke:#d8dee4;fill:none}.line{fill:none;stroke-width:1.5}.panel{fill:#fff;stroke:#d0d7de}';

export async function pictureOf(
  prometheus: Prometheus,
  dashboard: Dashboard,
  choices: Choices,
  span: Span,
): Promise<string> {
  const panels = allPanels(dashboard);
  const drawn: string[] = [];
  for (const panel of panels) drawn.push(draw(panel, await answersOf(prometheus, panel, choices, span), span));
  const height = Math.max(...panels.map(({ place }) => place.y + place.h)) * LINE;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${24 * COLUMN}" height="${height}" viewBox="0 0 ${24 * COLUMN} ${height}">`,
    `<title>${dashboard.title ?? ''}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="100%" height="100%" fill="#f6f8fa"/>`,
    ...drawn,
    '</svg>',
  ].join('\n')}\n`;
}

function draw(panel: ShownPanel, answers: readonly Answer[], span: Span): string {
  const { x, y, w, h } = panel.place;
  const [width, height] = [w * COLUMN - 6, h * LINE - 6];
  const box = { width: width - 2 * PADDING, height: height - TITLE - PADDING };
  const frame = panel.type === 'row' ? '' : `<rect class="panel" rx="3" width="${width}" height="${height}"/>`;
  return [
    `<g transform="translate(${x * COLUMN + 3} ${y * LINE + 3})">${frame}`,
    text(PADDING, 16, panel.title, 'class="bold"'),
    `<svg x="${PADDING}" y="${TITLE}" width="${box.width}" height="${box.height}">${inside(panel, answers, box, span)}</svg></g>`,
  ].join('\n');
}

function inside({ type }: ShownPanel, answers: readonly Answer[], box: Box, span: Span): string {
  switch (type) {
    case 'row':
      return '';
    case 'stat':
      return plotStat(answers, box);
    case 'table':
      return plotTable(answers, box);
    case 'timeseries':
      return plotLines(answers, box, span);
    case 'heatmap':
      return plotHeatmap(answers, box, span);
  }
}
