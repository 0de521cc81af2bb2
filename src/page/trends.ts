// SPDX-License-Identifier: Apache-2.0
// The last two minutes of a figure as a small line, from the messages that the page received.
import { setPath, svg } from './svg.ts';

const POINTS = 120;
/** Fewer points do not fill the width. */
const FEWEST = 15;
const WIDTH = 120;
const HEIGHT = 28;

export interface Point {
  readonly all: number;
  readonly lost: number;
}

export class Trend {
  readonly #points: Point[] = [];

  add(point: Point): void {
    this.#points.push(point);
    if (this.#points.length > POINTS) this.#points.shift();
  }

  /** The area under all packets, and on it what was lost, in one scale. */
  paths(): { readonly all: string; readonly lost: string } {
    const most = Math.max(1, ...this.#points.map(({ all, lost }) => Math.max(all, lost)));
    return { all: area(this.#points, ({ all }) => all / most), lost: area(this.#points, ({ lost }) => lost / most) };
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
