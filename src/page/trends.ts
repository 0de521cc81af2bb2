// SPDX-License-Identifier: Apache-2.0
// The last two minutes of a figure as a small line, from the messages that the page received.
import { setPath, svg } from './svg.ts';

const POINTS = 120;
/** Fewer points do not fill the width. */
const FEWEST = 15;
const WIDTH = 120;
const HEIGHT = 28;

interface Point {
  readonly all: number;
  readonly lost: number;
}

export class Trend {
  /** A ring of `all` and `lost`, 4 bytes each: a page of thousands of queues keeps as many of these, and does not grow. */
  readonly #figures = new Float32Array(2 * POINTS);
  #added = 0;

  add({ all, lost }: Point): void {
    this.#figures.set([all, lost], 2 * (this.#added % POINTS));
    this.#added += 1;
  }

  /** The area under all packets, and on it what was lost, in one scale. */
  paths(): { readonly all: string; readonly lost: string } {
    const points = this.#points();
    const most = Math.max(1, ...points.map(({ all, lost }) => Math.max(all, lost)));
    return { all: area(points, ({ all }) => all / most), lost: area(points, ({ lost }) => lost / most) };
  }

  /** The newest last. */
  #points(): readonly Point[] {
    const count = Math.min(this.#added, POINTS);
    return Array.from({ length: count }, (_, index) => {
      const at = 2 * ((this.#added - count + index) % POINTS);
      return { all: this.#figures[at] ?? 0, lost: this.#figures[at + 1] ?? 0 };
    });
  }
}

function area(points: readonly Point[], share: (point: Point) => number): string {
  if (points.length < 2 || points.every((point) => share(point) === 0)) return '';
  const step = WIDTH / (Math.max(FEWEST, points.length) - 1);
  const left = WIDTH - step * (points.length - 1);
  const tops = points.map(
    (point, index) => `${(left + step * index).toFixed(1)} ${(HEIGHT - 1 - (HEIGHT - 3) * share(point)).toFixed(1)}`,
  );
  return `M${left.toFixed(1)} ${HEIGHT}L${tops.join('L')}L${WIDTH} ${HEIGHT}z`;
}

export class Sparkline {
  readonly #all = svg('path', { class: 'spark-all' });
  readonly #lost = svg('path', { class: 'spark-lost' });
  readonly root = svg(
    'svg',
    { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    this.#all,
    this.#lost,
  );

  draw(trend: Trend | undefined): void {
    const { all, lost } = trend?.paths() ?? { all: '', lost: '' };
    setPath(this.#all, all);
    setPath(this.#lost, lost);
  }
}
