// SPDX-License-Identifier: Apache-2.0
// The charts of one queue's past, one below the other on one time axis; what is marked on one is shown on all.
import type { QueueSeries } from '../diagnosis/queue-series.ts';
import { CHART_KINDS } from './chart-kinds.ts';
import type { Mark } from './chart-marks.ts';
import { localTime } from './clock.ts';
import { element, say } from './element.ts';
import { TimeChart, type TimeRange } from './time-chart.ts';

const RANGES = [1, 5, 15, 30];
const FIRST_MINUTES = 5;
const SCHEME = matchMedia('(prefers-color-scheme: dark)');

interface Shown {
  readonly chart: TimeChart;
  readonly names: string;
}

export class Charts {
  readonly root = element('section', { class: 'charts', 'aria-label': 'History' });
  readonly #list = element('div', {});
  readonly #oldest = element('span', { class: 'quiet oldest' });
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #charts = new Map<string, Shown>();
  readonly #resized = new ResizeObserver(() => {
    for (const { chart } of this.#charts.values()) chart.fit();
  });
  /** undefined: live. */
  readonly #moment: number | undefined;
  /** Canvases keep the colours in which they were drawn. */
  readonly #repaint = (): void => {
    this.#clear();
    this.#again();
  };
  #minutes = FIRST_MINUTES;
  /** Marked with the mouse. */
  #chosen: TimeRange | undefined;
  #marks: readonly Mark[] = [];
  #series: QueueSeries | undefined;

  constructor(moment: number | undefined) {
    this.#moment = moment;
    this.#buttons = RANGES.map((minutes) =>
      element('button', { type: 'button', 'data-minutes': minutes }, `${minutes} min`),
    );
    for (const button of this.#buttons)
      button.addEventListener('click', () => {
        this.#minutes = Number(button.dataset.minutes);
        this.#chosen = undefined;
        this.#again();
      });
    const hint = element('span', { class: 'quiet hint' }, 'Drag over a chart to look closer.');
    const group = element('div', { class: 'ranges', role: 'group', 'aria-label': 'Range' }, ...this.#buttons);
    this.root.append(
      element('div', { class: 'bar' }, element('h2', {}, 'History'), group, this.#oldest, hint),
      this.#list,
    );
    this.#resized.observe(this.#list);
    SCHEME.addEventListener('change', this.#repaint);
    this.#press();
  }

  mark(marks: readonly Mark[]): void {
    this.#marks = marks;
  }

  draw(series: QueueSeries): void {
    this.#series = series;
    const [from = 0] = series.takenAt;
    // A young agent has less than was chosen.
    say(this.#oldest, from >= this.#range().from ? `Nothing before ${localTime(from)}.` : '');
    const kinds = CHART_KINDS.map((kind) => ({ kind, lines: kind.linesOf(series) }))
      .map(({ kind, lines }) => ({ kind, lines: lines.filter(({ values }) => values.some((value) => value !== null)) }))
      .filter(({ lines }) => lines.length > 0);
    const wanted = kinds.map(({ kind, lines }) => `${kind.title}: ${lines.map(({ name }) => name)}`);
    const isSame = wanted.join() === [...this.#charts.values()].map(({ names }) => names).join();
    if (!isSame) this.#clear();
    kinds.forEach(({ kind, lines }, index) => {
      const known = this.#charts.get(kind.title);
      if (known) {
        known.chart.draw(lines, series.takenAt);
        return;
      }
      const options = {
        kind,
        isLast: index === kinds.length - 1,
        range: () => this.#range(),
        marks: () => this.#marks,
        chosen: (range: TimeRange) => {
          this.#chosen = range;
          this.#again();
        },
      };
      const chart = new TimeChart(lines, series.takenAt, options, this.#list);
      this.#charts.set(kind.title, { chart, names: wanted[index] ?? '' });
    });
  }

  close(): void {
    SCHEME.removeEventListener('change', this.#repaint);
    this.#resized.disconnect();
    this.#clear();
  }

  #clear(): void {
    for (const { chart } of this.#charts.values()) chart.close();
    this.#charts.clear();
  }

  /** A moment of the past stands four fifths to the right: what led to it is asked for. */
  #range(): TimeRange {
    if (this.#chosen) return this.#chosen;
    const newest = this.#series?.takenAt.at(-1) ?? Date.now() / 1000;
    const seconds = 60 * this.#minutes;
    const to = this.#moment === undefined ? newest : Math.min(newest, this.#moment + seconds / 5);
    // A young agent has less to show: then all there is.
    return { from: Math.max(to - seconds, Math.min(this.#series?.takenAt[0] ?? 0, to - 30)), to };
  }

  #again(): void {
    this.#press();
    if (this.#series) this.draw(this.#series);
  }

  #press(): void {
    for (const button of this.#buttons)
      button.ariaPressed = String(!this.#chosen && Number(button.dataset.minutes) === this.#minutes);
  }
}
