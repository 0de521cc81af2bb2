// SPDX-License-Identifier: Apache-2.0
// Charts of one queue's past, by uPlot.
import uPlot from 'uplot';
import type { QueueSeries } from '../diagnosis/queue-series.ts';
import { element } from './element.ts';

type Column = QueueSeries['offered'];

interface Kind {
  readonly title: string;
  readonly linesOf: (series: QueueSeries) => Readonly<Record<string, Column>>;
}

const KINDS: readonly Kind[] = [
  { title: 'Packets in the ring', linesOf: ({ occupancy, capacity }) => ({ occupancy, capacity }) },
  {
    title: 'Packets a second, to the guest or reader',
    linesOf: ({ offered, delivered }) => ({ offered, delivered }),
  },
  { title: 'Dropped packets a second, by reason', linesOf: ({ dropped, reasons }) => ({ all: dropped, ...reasons }) },
  {
    title: 'Share of the time stopped, or full by what the reader did',
    // A reader may be stopped too, by a signal.
    linesOf: ({ stopped, reader }) => ({ 'queue stopped': stopped, ...withPrefix('reader', reader) }),
  },
];

function withPrefix(prefix: string, columns: Readonly<Record<string, Column>>): Readonly<Record<string, Column>> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [`${prefix} ${name}`, column]));
}

/** Told apart by people who do not see red or green, on white and on black (after Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999'];
const HEIGHT = 180;

interface Chart {
  readonly box: HTMLElement;
  readonly plot: uPlot;
  readonly names: string;
}

export class Charts {
  readonly root = element('div', { class: 'charts' });
  readonly #charts = new Map<string, Chart>();
  readonly #resized = new ResizeObserver(() => this.#fit());

  constructor() {
    this.#resized.observe(this.root);
  }

  draw(series: QueueSeries): void {
    for (const { title, linesOf } of KINDS) {
      const lines = Object.entries(linesOf(series)).filter(([, values]) => values.some((value) => value !== null));
      const names = lines.map(([name]) => name);
      const data: uPlot.AlignedData = [[...series.takenAt], ...lines.map(([, values]) => [...values])];
      const known = this.#charts.get(title);
      if (known?.names === names.join()) known.plot.setData(data);
      else {
        known?.plot.destroy();
        known?.box.remove();
        if (names.length > 0) this.#charts.set(title, this.#make(title, names, data));
        else this.#charts.delete(title);
      }
    }
  }

  close(): void {
    this.#resized.disconnect();
    for (const { plot } of this.#charts.values()) plot.destroy();
  }

  #make(title: string, names: readonly string[], data: uPlot.AlignedData): Chart {
    const box = element('figure', { class: 'chart' }, element('h3', {}, title));
    this.root.append(box);
    const quiet = getComputedStyle(box).getPropertyValue('color');
    const axis = { stroke: quiet, grid: { stroke: '#8884', width: 1 }, ticks: { stroke: '#8884', width: 1 } };
    const lines = names.map((name, index) => ({
      label: name,
      stroke: COLOURS[index % COLOURS.length] ?? '#999999',
      width: 1.5,
      points: { show: false },
    }));
    const options = {
      width: box.clientWidth - 20,
      height: HEIGHT,
      series: [{}, ...lines],
      axes: [axis, { ...axis, size: 60 }],
      scales: { y: { range: fromZero } },
    };
    return { box, plot: new uPlot(options, data, box), names: names.join() };
  }

  #fit(): void {
    for (const { box, plot } of this.#charts.values()) {
      const width = box.clientWidth - 20;
      if (width > 0 && plot.width !== width) plot.setSize({ width, height: HEIGHT });
    }
  }
}

function fromZero(_: uPlot, __: number, most: number | null): uPlot.Range.MinMax {
  return [0, most ? 1.1 * most : 1];
}
