// SPDX-License-Identifier: Apache-2.0
// One queue: what it does now, what was found on it, and its last half hour.

import type { QueueRate } from '../diagnosis/queue-rates.ts';
import type { QueueSeries } from '../diagnosis/queue-series.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { COLUMNS } from '../outputs/top-columns.ts';
import { visible } from '../snapshot/visible.ts';
import { Charts } from './charts.ts';
import { element, say } from './element.ts';
import { FindingList } from './finding-list.ts';

export interface QueueAddress {
  readonly netns: number;
  readonly device: string;
  readonly queue: number;
}

/** The past is asked for again this often; the second that passes is appended from the stream. */
const ASK_EVERY_MS = 5000;

export class QueueView {
  readonly root: HTMLElement;
  readonly #address: QueueAddress;
  readonly #findings = new FindingList();
  readonly #charts = new Charts();
  readonly #facts = element('dl', { class: 'facts' });
  readonly #trouble = element('p', { class: 'warning', role: 'status' });
  readonly #timer: ReturnType<typeof setInterval>;
  /** An answer may come after that. */
  #isClosed = false;

  constructor(address: QueueAddress) {
    this.#address = address;
    const title = element('h2', { tabindex: -1 }, `${visible(address.device)} queue ${address.queue}`);
    this.root = element(
      'article',
      {},
      element('p', {}, element('a', { href: '#/' }, '← all queues')),
      title,
      this.#trouble,
      this.#findings.root,
      this.#facts,
      this.#charts.root,
    );
    this.#timer = setInterval(() => void this.#ask(), ASK_EVERY_MS);
    void this.#ask();
  }

  show({ findings, queues }: LiveMessage): void {
    const { netns, device, queue } = this.#address;
    const own = findings.filter(
      (one) => one.netns === netns && one.device === device && (one.queue === undefined || one.queue === queue),
    );
    this.#findings.show(own, 'Nothing was found on this queue.');
    const rate = queues.find((one) => one.netns === netns && one.device === device && one.queue === queue);
    say(this.#trouble, rate ? '' : 'This queue is gone; what is below is its past.');
    if (rate) this.#showFacts(rate);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#charts.close();
  }

  #showFacts(rate: QueueRate): void {
    const texts = COLUMNS.map(({ title, cell }) => ({ title, text: cell(rate) }));
    texts.forEach(({ title, text }, index) => {
      if (!this.#facts.children[2 * index]) this.#facts.append(element('dt', {}, title), element('dd', {}));
      const value = this.#facts.children[2 * index + 1];
      if (value instanceof HTMLElement) say(value, text);
    });
  }

  async #ask(): Promise<void> {
    const { netns, device, queue } = this.#address;
    try {
      const answer = await fetch(`/api/v1/queues/${netns}/${encodeURIComponent(device)}/${queue}/history`);
      if (!answer.ok) return say(this.#trouble, (await answer.text()).trim());
      const series: QueueSeries = await answer.json();
      if (!this.#isClosed) this.#charts.draw(series);
    } catch {
      say(this.#trouble, 'The agent does not answer; the charts stand still.');
    }
  }
}
