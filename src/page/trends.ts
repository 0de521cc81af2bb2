// SPDX-License-Identifier: Apache-2.0
// The last two minutes of a figure as a small line, on an axis of time: what the agent remembers, then the messages that the page received.
import { setPath, svg } from './svg.ts';

/** Of the axis. */
const SECONDS = 120;
/** One a second, and the steps of the agent's history before them. */
const POINTS = 136;
const WIDTH = 120;
const HEIGHT = 28;
/** Times are kept in four bytes, exact to some milliseconds for hours from here on. */
const EPOCH = Date.now() / 1000;

interface Point {
  /** Unix time, seconds. */
  readonly at: number;
  readonly all: number;
  readonly lost: number;
}

export class Trend {
  /** A ring of time, `all` and `lost`, 4 bytes each: a page of thousands of queues keeps as many of these, and does not grow. */
  readonly #figures = new Float32Array(3 * POINTS);
  #added = 0;

  add({ at, all, lost }: Point): void {
    this.#figures.set([at - EPOCH, all, lost], 3 * (this.#added % POINTS));
    this.#added += 1;
  }

  /** Puts what was before it in front. */
  precede(past: readonly Point[]): void {
    const known = this.#points();
    const first = known[0]?.at ?? Number.POSITIVE_INFINITY;
    const all = [...past.filter(({ at }) => at < first), ...known].slice(-POINTS);
    this.#added = 0;
    for (const point of all) this.add(point);
  }

  /** The area under all packets, and on it what was lost, in one scale. */
  paths(): { readonly all: string; readonly lost: string } {
    const points = this.#points();
    const newest = points.at(-1)?.at ?? 0;
    const shown = points.filter(({ at }) => at >= newest - SECONDS);
    const most = Math.max(1, ...shown.map(({ all, lost }) => Math.max(all, lost)));
    const left = ({ at }: Point): number => WIDTH * (1 - (newest - at) / SECONDS);
    return {
      all: area(shown, left, ({ all }) => all / most),
      lost: area(shown, left, ({ lost }) => lost / most),
    };
  }

  /** The newest last. */
  #points(): readonly Point[] {
    const count = Math.min(this.#added, POINTS);
    return Array.from({ length: count }, (_, index) => {
      const place = 3 * ((this.#added - count + index) % POINTS);
      const [at = 0, all = 0, lost = 0] = this.#figures.subarray(place, place + 3);
      return { at: at + EPOCH, all, lost };
    });
  }
}

function area(points: readonly Point[], left: (point: Point) => number, share: (point: Point) => number): string {
  const [first] = points;
  if (!first || points.length < 2 || points.every((point) => share(point) === 0)) return '';
  const tops = points.map(
    (point) => `${left(point).toFixed(1)} ${(HEIGHT - 1 - (HEIGHT - 3) * share(point)).toFixed(1)}`,
  );
  return `M${left(first).toFixed(1)} ${HEIGHT}L${tops.join('L')}L${WIDTH} ${HEIGHT}z`;
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
