// SPDX-License-Identifier: Apache-2.0
// All queues: searched, sorted, and of a thousand only the rows that are in sight are there.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { inNumericOrder } from '../outputs/numeric-order.ts';
import { element, place, say } from './element.ts';
import { figure } from './page-figures.ts';
import { PAGE_COLUMNS, STATE } from './queue-columns.ts';
import { QueueRow } from './queue-row.ts';
import { matches } from './queue-search.ts';
import { keyOfQueue } from './queue-state.ts';
import type { Trend } from './trends.ts';

/** Above and below what is in sight, so that a quick hand and the Tab key find rows. */
const SPARE = 8;
/** Rows that come and go at once, so that the table does not change with each turn of a wheel. */
const STEP = 8;
/** The height of a row, until there is one to measure. */
const ROW_PIXELS = 48;

export class QueueTable {
  readonly root: HTMLElement;
  readonly #count = element('span', { class: 'quiet', role: 'status' });
  /** The columns that are hidden because the window is narrow. */
  readonly #hidden = element('span', { class: 'quiet hidden' });
  readonly #body = element('tbody', { role: 'rowgroup' });
  readonly #heads = PAGE_COLUMNS.map(headOf);
  readonly #table: HTMLTableElement;
  readonly #frame = element('div', { class: 'frame' });
  readonly #rows = new Map<string, QueueRow>();
  readonly #names = new Map<string, string>();
  #queues: readonly QueueRate[] = [];
  #found: readonly QueueRate[] = [];
  #trends: ReadonlyMap<string, Trend> = new Map();
  #wanted = '';
  #sort = STATE.key;
  #isReversed = false;
  #isNamed = false;
  #from = -1;

  constructor() {
    const head = element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.#heads));
    this.#table = element('table', { role: 'table', 'aria-label': 'Queues' }, head, this.#body);
    this.#frame.append(this.#table);
    this.root = element(
      'section',
      { id: 'queues', 'aria-label': 'Queues' },
      element('div', { class: 'bar' }, element('h2', { tabindex: -1 }, 'Queues'), this.#count, this.#hidden, legend()),
      this.#frame,
    );
    this.#heads.forEach((head) => {
      head.firstElementChild?.addEventListener('click', () => this.#sortBy(head.dataset.key ?? STATE.key));
    });
    this.#body.addEventListener('keydown', (event) => this.#walk(event));
    const again = (): void => void requestAnimationFrame(() => this.#draw(false));
    addEventListener('scroll', again, { passive: true });
    addEventListener('resize', () => {
      again();
      this.#tellHidden();
    });
  }

  show(queues: readonly QueueRate[], trends: ReadonlyMap<string, Trend>, wanted: string): void {
    this.#queues = queues;
    this.#trends = trends;
    this.#wanted = wanted;
    this.#arrange();
  }

  #tellHidden(): void {
    const hidden = PAGE_COLUMNS.filter((_, index) => {
      const head = this.#heads[index];
      return head !== undefined && getComputedStyle(head).display === 'none';
    }).map(({ title }) => title.toLowerCase());
    say(this.#hidden, hidden.length > 0 ? `Too narrow here for ${hidden.join(', ')}: choose a queue to see them.` : '');
  }

  #sortBy(key: string): void {
    this.#isReversed = key === this.#sort && !this.#isReversed;
    this.#sort = key;
    this.#arrange();
  }

  #arrange(): void {
    const order = PAGE_COLUMNS.find(({ key }) => key === this.#sort)?.order ?? STATE.order ?? (() => 0);
    const sign = this.#isReversed ? -1 : 1;
    const ranked = this.#queues
      .filter((rate) => matches(rate, this.#wanted))
      .map((rate) => ({ rate, rank: rankOf(order(rate)), lost: rate.dropped ?? 0, name: this.#nameOf(rate) }));
    ranked.sort((a, b) => sign * compare(a.rank, b.rank) || b.lost - a.lost || compare(a.name, b.name));
    this.#found = ranked.map(({ rate }) => rate);
    this.#isNamed = new Set(this.#queues.map(({ netns }) => netns)).size > 1;
    this.#table.ariaRowCount = String(this.#found.length + 1);
    say(
      this.#count,
      this.#wanted === ''
        ? figure(this.#queues.length)
        : `${figure(this.#found.length)} of ${figure(this.#queues.length)}`,
    );
    this.#heads.forEach((head, index) => {
      const column = PAGE_COLUMNS[index];
      if (!column?.order) return;
      const [any] = this.#queues;
      const isAscending = (any !== undefined && typeof column.order(any) === 'string') !== this.#isReversed;
      const sorted = column.key !== this.#sort ? 'none' : isAscending ? 'ascending' : 'descending';
      if (head.ariaSort !== sorted) head.ariaSort = sorted;
    });
    this.#draw(true);
  }

  /** `isNew`: the figures are; else the page was scrolled, and rows that were there already stay as they are. */
  #draw(isNew: boolean): void {
    if (!this.root.isConnected) return;
    const found = this.#found;
    const height = this.#body.firstElementChild?.clientHeight || ROW_PIXELS;
    const above = Math.max(0, -this.#frame.getBoundingClientRect().top);
    const room = Math.ceil(innerHeight / height) + 2 * SPARE + STEP;
    const from = Math.max(0, Math.min(found.length - room, Math.floor(above / height / STEP) * STEP - SPARE));
    if (!isNew && from === this.#from) return;
    if (this.#from < 0) this.#tellHidden();
    this.#from = from;
    const shown = found.slice(from, from + room);
    const keys = new Set(shown.map(keyOfQueue));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    place(
      this.#body,
      shown.map((rate, index) => this.#row(rate, from + index + 1, isNew)),
    );
    setPixels(this.#frame, 'padding-top', from * height);
    setPixels(this.#frame, 'padding-bottom', (found.length - from - shown.length) * height);
  }

  /** Keeps the sort key of each queue: making all of them each second takes a third of the sorting time. */
  #nameOf(rate: QueueRate): string {
    const key = keyOfQueue(rate);
    const known = this.#names.get(key) ?? inNumericOrder(`${rate.device} ${rate.netns} ${rate.queue ?? ''}`);
    if (this.#names.size > 2 * this.#queues.length) this.#names.clear();
    this.#names.set(key, known);
    return known;
  }

  #row(rate: QueueRate, place: number, isNew: boolean): HTMLTableRowElement {
    const key = keyOfQueue(rate);
    const known = this.#rows.get(key);
    if (known && !isNew) return known.root;
    const row = known ?? new QueueRow(rate);
    this.#rows.set(key, row);
    row.show(rate, place, this.#trends.get(key), this.#isNamed);
    return row.root;
  }

  /** The arrow keys up and down go from queue to queue. */
  #walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = document.activeElement?.closest('tr');
    if (step === undefined || !row) return;
    let index = Number(row.ariaRowIndex) - 2 + step;
    // A device without a queue has no page.
    while (this.#found[index]?.queue === undefined && index >= 0 && index < this.#found.length) index += step;
    const next = this.#found[index];
    if (!next) return;
    event.preventDefault();
    if (!this.#rows.has(keyOfQueue(next))) {
      const top = this.#frame.getBoundingClientRect().top + scrollY;
      scrollTo(0, top + index * (row.clientHeight || ROW_PIXELS) - innerHeight / 2);
      this.#draw(false);
    }
    this.#rows.get(keyOfQueue(next))?.root.querySelector('a')?.focus();
  }
}

function headOf({ key, title, unit, meaning, order }: (typeof PAGE_COLUMNS)[number]): HTMLTableCellElement {
  const words = [element('span', {}, title), element('small', {}, unit)];
  const inner =
    order === undefined
      ? element('span', { class: 'head' }, ...words)
      : element('button', { type: 'button', class: 'head' }, ...words);
  return element(
    'th',
    { scope: 'col', role: 'columnheader', class: `c-${key}`, title: meaning, 'data-key': key },
    inner,
  );
}

/** Explains the columns to users who cannot hover. */
function legend(): HTMLElement {
  const lines = PAGE_COLUMNS.flatMap(({ title, unit, meaning }) => [
    element('dt', {}, `${title} (${unit})`),
    element('dd', {}, meaning),
  ]);
  return element(
    'details',
    { class: 'legend' },
    element('summary', {}, 'What the columns mean'),
    element('dl', {}, ...lines),
  );
}

function setPixels(node: HTMLElement, property: string, pixels: number): void {
  const value = `${Math.max(0, Math.round(pixels))}px`;
  if (node.style.getPropertyValue(property) !== value) node.style.setProperty(property, value);
}

function rankOf(order: number | string): number | string {
  return typeof order === 'string' ? inNumericOrder(order) : order;
}

/** Numbers from the largest, texts from A on. */
function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return b - a;
  return a === b ? 0 : a < b ? -1 : 1;
}
