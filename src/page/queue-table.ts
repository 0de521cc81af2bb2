// SPDX-License-Identifier: Apache-2.0
// All queues, in the columns of `tapscope top`, searched and sorted here.

import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { COLUMNS } from '../outputs/top-columns.ts';
import { rowsOf } from '../outputs/top-rows.ts';
import { element, mark, place, say } from './element.ts';
import { queueHref } from './finding-list.ts';

interface Row {
  readonly root: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
}

export class QueueTable {
  readonly search = element('input', {
    type: 'search',
    id: 'search',
    placeholder: 'VM, pod, device, process …',
    'aria-label': 'Search queues by VM, pod, device, process or namespace',
    spellcheck: 'false',
  });
  readonly root: HTMLElement;
  readonly #count = element('span', { class: 'quiet', role: 'status' });
  readonly #body = element('tbody', {});
  readonly #heads = COLUMNS.map(({ key, title, align }) =>
    element('th', { scope: 'col', class: align }, element('button', { type: 'button', 'data-sort': key }, title)),
  );
  readonly #rows = new Map<string, Row>();
  #queues: readonly QueueRate[] = [];
  #sort = 'd';
  #isReversed = false;

  constructor() {
    const head = element('thead', {}, element('tr', {}, ...this.#heads));
    this.root = element(
      'section',
      { id: 'queues', 'aria-label': 'Queues' },
      element('h2', {}, 'Queues'),
      element('div', { class: 'tools' }, this.search, this.#count),
      element('div', { class: 'scroll' }, element('table', {}, head, this.#body)),
    );
    this.search.addEventListener('input', () => this.#draw());
    for (const column of this.#heads)
      column.firstElementChild?.addEventListener('click', (event) => this.#sortBy(event));
  }

  show(queues: readonly QueueRate[]): void {
    this.#queues = queues;
    this.#draw();
  }

  #sortBy({ currentTarget }: Event): void {
    const key = currentTarget instanceof HTMLElement ? (currentTarget.dataset.sort ?? 'd') : 'd';
    this.#isReversed = key === this.#sort && !this.#isReversed;
    this.#sort = key;
    this.#draw();
  }

  #draw(): void {
    const view = { sort: this.#sort, isReversed: this.#isReversed, filter: this.search.value.trim(), offset: 0 };
    const found = rowsOf(this.#queues, view);
    const keys = new Set(this.#queues.map(keyOf));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    place(
      this.#body,
      found.map((queue) => this.#row(queue)),
    );
    say(this.#count, `${found.length} of ${this.#queues.length}`);
    const [any] = this.#queues;
    COLUMNS.forEach(({ key, order }, index) => {
      // Names from A on, numbers from the largest.
      const isAscending = (any !== undefined && typeof order(any) === 'string') !== this.#isReversed;
      const sorted = key !== this.#sort ? 'none' : isAscending ? 'ascending' : 'descending';
      this.#heads[index]?.setAttribute('aria-sort', sorted);
    });
  }

  #row(queue: QueueRate): HTMLTableRowElement {
    const key = keyOf(queue);
    const row = this.#rows.get(key) ?? blankRow(queue);
    this.#rows.set(key, row);
    COLUMNS.forEach(({ cell: textOf }, index) => {
      const cell = row.cells[index];
      if (cell) say(cell, textOf(queue));
    });
    mark(row.root, (queue.dropped ?? 0) > 0 ? 'losing' : '');
    return row.root;
  }
}

function blankRow({ netns, device, queue }: QueueRate): Row {
  const cells = COLUMNS.map(({ title }) =>
    title === 'DEVICE' && queue !== undefined
      ? element('a', { href: queueHref(netns, device, queue) })
      : element('span', {}),
  );
  const data = COLUMNS.map(({ align }, index) => element('td', { class: align }, cells[index] ?? ''));
  return { root: element('tr', {}, ...data), cells };
}

function keyOf({ netns, device, queue }: QueueRate): string {
  return JSON.stringify([netns, device, queue]);
}
