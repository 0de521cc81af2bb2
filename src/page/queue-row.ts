// SPDX-License-Identifier: Apache-2.0
// One row of the table of queues; its texts change, its elements stay.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { whose } from '../outputs/owner-label.ts';
import { visible } from '../snapshot/visible.ts';
import { element, mark, say } from './element.ts';
import { didOf, fillOf, PAGE_COLUMNS } from './queue-columns.ts';
import { queueHref, stateOf } from './queue-state.ts';
import { changeIcon, icon, svg } from './svg.ts';
import { Sparkline, type Trend } from './trends.ts';

/** Width of the drawn ring. */
const GAUGE = 100;

export class QueueRow {
  readonly root = element('tr', { role: 'row' });
  readonly #icon = icon('idle');
  readonly #spark = new Sparkline();
  readonly #fill = svg('rect', { class: 'gauge-fill', x: 0, y: 0, height: 6, width: 0, rx: 3 });
  readonly #owner = element('span', { class: 'quiet owner' });
  readonly #did = element('span', { class: 'quiet owner' });
  readonly #texts: readonly HTMLElement[];

  constructor({ netns, device, queue }: QueueRate) {
    this.#texts = PAGE_COLUMNS.map(({ key }) =>
      key === 'device' && queue !== undefined
        ? element('a', { href: queueHref(netns, device, queue) })
        : element('span', {}),
    );
    const cells = PAGE_COLUMNS.map(({ key, title }, index) => {
      const cell = element('td', { role: 'cell', class: `c-${key}`, 'data-title': title }, this.#texts[index] ?? '');
      if (key === 'state') cell.prepend(this.#icon);
      if (key === 'device') cell.append(this.#owner);
      if (key === 'reader') cell.append(this.#did);
      if (key === 'trend') cell.append(this.#spark.root);
      if (key === 'ring') cell.append(this.#gauge());
      return cell;
    });
    this.root.append(...cells);
  }

  /** `place`: in the whole table, from 1 on; `named`: with its namespace, for more than one has queues. */
  show(rate: QueueRate, place: number, trend: Trend | undefined, named: boolean): void {
    const state = stateOf(rate);
    mark(this.root, `is-${state.word.replace(' ', '-')}`);
    if (this.root.ariaRowIndex !== String(place + 1)) this.root.ariaRowIndex = String(place + 1);
    changeIcon(this.#icon, state.icon);
    PAGE_COLUMNS.forEach(({ key, text }, index) => {
      const node = this.#texts[index];
      if (!node) return;
      const words = text(rate);
      // A name may be longer than its column.
      if (key === 'reader' || key === 'device') sayInFull(node, words);
      else say(node, words);
    });
    const owner = rate.owner ? whose(rate.owner) : 'no owner known';
    sayInFull(this.#owner, visible(named ? `${owner} in ${rate.namespace}` : owner));
    sayInFull(this.#did, didOf(rate));
    this.#spark.draw(trend);
    const width = String(Math.round(GAUGE * Math.max(0, fillOf(rate))));
    if (this.#fill.getAttribute('width') !== width) this.#fill.setAttribute('width', width);
  }

  #gauge(): SVGElement {
    const ground = svg('rect', { class: 'gauge-ground', x: 0, y: 0, width: GAUGE, height: 6, rx: 3 });
    const shape = { class: 'gauge', viewBox: `0 0 ${GAUGE} 6`, preserveAspectRatio: 'none', 'aria-hidden': 'true' };
    return svg('svg', shape, ground, this.#fill);
  }
}

/** On hover too, where the text is cut. */
function sayInFull(node: HTMLElement, text: string): void {
  say(node, text);
  if (node.title !== text) node.title = text;
}
