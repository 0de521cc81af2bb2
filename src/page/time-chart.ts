// SPDX-License-Identifier: Apache-2.0
// One chart, by uPlot: its legend above shows the values at the cursor, or the newest.
import uPlot from 'uplot';
import type { ChartKind, Line } from './chart-kinds.ts';
import { drawMarks, type Mark } from './chart-marks.ts';
import { localTime } from './clock.ts';
import { element, say } from './element.ts';

const HEIGHT = 150;
/** Pixels below a chart for the times on its axis. */
const AXIS = 26;
/** On a narrow screen the last chart is out of sight when the first is read: each has its times. */
const NARROW = 600;
/** Between two times: 14:17:30 takes 50. */
const TIMES_APART = 62;
const AXIS_WIDTH = 58;

export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

interface ChartOptions {
  readonly kind: ChartKind;
  /** The lowest has the times. */
  readonly isLast: boolean;
  readonly range: () => TimeRange;
  readonly marks: () => readonly Mark[];
  /** A range was marked with the mouse. */
  readonly chosen: (range: TimeRange) => void;
}

export class TimeChart {
  readonly root: HTMLElement;
  readonly #options: ChartOptions;
  readonly #values: readonly HTMLElement[];
  readonly #lines: readonly Line[];
  readonly #plot: uPlot;
  #raw: readonly Line[];

  constructor(lines: readonly Line[], takenAt: readonly number[], options: ChartOptions, parent: HTMLElement) {
    const { kind } = options;
    this.#options = options;
    this.#lines = lines;
    this.#raw = lines;
    this.#values = lines.map(() => element('b', {}));
    const legend = lines.map(({ name, colour }, index) => {
      const dot = element('span', { class: 'dot' });
      dot.style.setProperty('background', colour);
      return element('li', {}, dot, `${name} `, this.#values[index] ?? '');
    });
    const title = element('h3', {}, kind.title, ' ', element('small', {}, kind.unit));
    const caption = element('figcaption', {}, title, element('ul', { class: 'series' }, ...legend));
    this.root = element('figure', { class: 'chart' }, caption);
    parent.append(this.root);
    this.#plot = new uPlot(this.#settings(), this.#data(lines, takenAt), this.root);
    this.draw(lines, takenAt);
  }

  draw(lines: readonly Line[], takenAt: readonly number[]): void {
    this.#raw = lines;
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(lines, takenAt), false);
      const { from, to } = this.#options.range();
      this.#plot.setScale('x', { min: from, max: to });
    });
    this.#tell(undefined);
  }

  fit(): void {
    const width = this.root.clientWidth - 2;
    if (width > 0 && this.#plot.width !== width) this.#plot.setSize({ width, height: this.#plot.height });
  }

  close(): void {
    this.#plot.destroy();
    this.root.remove();
  }

  /** Stacked ones are sums, the last first, so that each covers those above it. */
  #data(lines: readonly Line[], takenAt: readonly number[]): uPlot.AlignedData {
    const columns = lines.map(({ values }) => [...values]);
    if (this.#options.kind.isStacked)
      columns.forEach((values, index) => {
        const below = columns[index - 1];
        values.forEach((value, at) => {
          if (below && value !== null) values[at] = value + (below[at] ?? 0);
        });
      });
    return [[...takenAt], ...(this.#options.kind.isStacked ? columns.reverse() : columns)];
  }

  #settings(): uPlot.Options {
    const { kind, isLast, marks, chosen } = this.#options;
    const hasTimes = isLast || this.root.clientWidth < NARROW;
    // A canvas takes no variable, only the colour that came of it.
    const words = this.root.querySelector('small');
    const ink = words ? getComputedStyle(words).color : '';
    const line = getComputedStyle(this.root).borderBottomColor;
    const grid = { stroke: line, width: 1 };
    const base = { stroke: ink, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const series = this.#lines.map(({ name, colour, isDashed }) => ({
      label: name,
      stroke: colour,
      width: kind.isStacked ? 0 : 1.6,
      fill: kind.isStacked ? colour : isDashed ? 'transparent' : `${colour}26`,
      dash: isDashed ? [5, 4] : [],
      points: { show: false },
    }));
    return {
      width: Math.max(100, this.root.clientWidth - 2),
      height: HEIGHT + (hasTimes ? AXIS : 0),
      legend: { show: false },
      padding: [6, 30, 4, 0],
      cursor: { sync: { key: 'queue' }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      series: [{}, ...(kind.isStacked ? series.reverse() : series)],
      axes: [
        {
          ...base,
          show: true,
          size: hasTimes ? AXIS : 0,
          values: (_, ticks) => ticks.map((tick) => (hasTimes ? localTime(tick) : '')),
          space: TIMES_APART,
        },
        { ...base, size: AXIS_WIDTH, space: 28, values: (_, ticks) => ticks.map(kind.write) },
      ],
      scales: { x: { time: true }, y: { range: kind.isStacked ? [0, 1] : fromZero } },
      hooks: {
        draw: [(plot) => drawMarks(plot, marks(), isFirstOf(this.root))],
        setCursor: [(plot) => this.#tell(plot.cursor.idx ?? undefined)],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width < 4) return;
            chosen({ from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') });
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    };
  }

  #tell(index: number | undefined): void {
    this.#raw.forEach(({ values }, place) => {
      const node = this.#values[place];
      if (node) say(node, this.#options.kind.write(values[index ?? values.length - 1]));
    });
  }
}

function isFirstOf(root: HTMLElement): boolean {
  return root.previousElementSibling === null;
}

function fromZero(_: uPlot, __: number, most: number | null): uPlot.Range.MinMax {
  return [0, most ? 1.1 * most : 1];
}
