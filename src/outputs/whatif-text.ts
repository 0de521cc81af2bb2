// SPDX-License-Identifier: Apache-2.0
// The answer of whatif for a terminal: the answer, the table, and the command alone on its line.
import type { QueueForecast } from '../diagnosis/forecast/queue-forecast.ts';
import type { RingAnswer } from '../diagnosis/forecast/ring-answer.ts';
import type { SizeForecast } from '../diagnosis/forecast/ring-forecast.ts';
import { count, duration, percent } from '../diagnosis/format.ts';
import { visible } from '../snapshot/visible.ts';
import { type Layout, padEnd, paint, wrap } from './terminal-text.ts';

const HEADER = ['txqueuelen', 'would have lost', 'share', 'delay at worst', ''];

export function renderWhatIf(told: RingAnswer, layout: Layout): string {
  const { answer, forecast, backpressure, command, limits } = told;
  const isLossless = forecast.loss.lost === 0;
  const parts = [
    wrap(visible(answer), layout.width),
    isLossless
      ? []
      : table(
          forecast.sizes.map((one, place) => row(one, place, forecast.advised)),
          layout,
        ),
    isLossless ? [] : wrap(visible(`Backpressure: ${backpressure}.`), layout.width),
    !isLossless && forecast.queues.length > 1
      ? forecast.queues.flatMap((queue) => wrap(queueLine(queue), layout.width))
      : [],
    command === undefined ? [] : [paint(layout, 'bold', visible(command))],
    limits.flatMap((limit) => wrap(visible(limit), layout.width, '- ')),
  ];
  return `${parts
    .filter((rows) => rows.length > 0)
    .map((rows) => rows.join('\n'))
    .join('\n\n')}\n`;
}

function row(
  { size, lost, share, delaySeconds, isDelayBound }: SizeForecast,
  place: number,
  advised: number | undefined,
): string[] {
  const delay = delaySeconds === undefined ? '–' : `${isDelayBound ? '≤ ' : ''}${duration(delaySeconds)}`;
  const remark = place === 0 ? 'now' : size === advised ? 'enough' : '';
  return [count(size), count(lost), percent(share), delay, remark];
}

/** Figures to the right. */
function table(rows: readonly (readonly string[])[], layout: Layout): readonly string[] {
  const all = [HEADER, ...rows];
  const widths = HEADER.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  return all.map((cells, place) => {
    const line = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === HEADER.length - 1 ? cell : cell.padStart(width);
    });
    const text = padEnd(line.join('   '), 0).trimEnd();
    return place === 0 ? paint(layout, 'bold', text) : text;
  });
}

function queueLine({ queue, loss, needed, capacity, stuck, highwater }: QueueForecast): string {
  if (loss.lost === 0 && stuck?.taken !== 0)
    return `Queue ${queue}: lost nothing, high-water mark ${count(highwater ?? 0)} of ${count(capacity)}.`;
  const lost = `lost ${count(loss.lost)} of ${count(loss.offered)}`;
  if (stuck?.taken === 0) return `Queue ${queue}: ${lost}; its reader takes nothing.`;
  if (stuck) return `Queue ${queue}: ${lost}; takes ${count(stuck.taken)} a second, ${count(stuck.offered)} come.`;
  return `Queue ${queue}: ${lost}; needs ${count(needed)}.`;
}
