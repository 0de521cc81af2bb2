// SPDX-License-Identifier: Apache-2.0
// One queue: what was found on it, what it does now, and its last half hour.

import type { QueueSeries } from '../diagnosis/queue-series.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { whose } from '../outputs/owner-label.ts';
import { visible } from '../snapshot/visible.ts';
import type { Mark } from './chart-marks.ts';
import { Charts } from './charts.ts';
import { localTime } from './clock.ts';
import { copyButton } from './copy-button.ts';
import { element, say } from './element.ts';
import { FindingList } from './finding-list.ts';
import { type LedgerAnswer, LedgerTable } from './ledger-table.ts';
import { linkTo } from './moment.ts';
import { QueueTiles } from './queue-tiles.ts';

export interface QueueAddress {
  readonly netns: number;
  readonly device: string;
  readonly queue: number;
}

/** The interval at which the past is requested again. */
const ASK_EVERY_MS = 5000;
/** The same colours as in the CSS: a canvas cannot read CSS variables. */
const COLOURS = { critical: '#e5484d', warning: '#d98a00', info: '#2b8cd6', change: '#8a63d2' };
/** Marks of findings, and as many of changes: more labels would overlap. */
const MOST_MARKS = 4;

export class QueueView {
  readonly root: HTMLElement;
  readonly #address: QueueAddress;
  readonly #moment: number | undefined;
  readonly #findings = new FindingList();
  readonly #charts: Charts;
  readonly #tiles = new QueueTiles();
  readonly #ledger = new LedgerTable();
  readonly #owner = element('p', { class: 'quiet owner' });
  readonly #trouble = element('p', { class: 'trouble', role: 'status' });
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #shownAt = 0;
  #changes: readonly Mark[] = [];
  /** An answer may come after that. */
  #isClosed = false;

  /** `moment`: Unix time; undefined: live. */
  constructor(address: QueueAddress, moment: number | undefined) {
    this.#address = address;
    this.#moment = moment;
    this.#charts = new Charts(moment);
    const title = element('h2', { tabindex: -1 }, `${visible(address.device)} queue ${address.queue}`);
    const copy = copyButton(
      'Copy a link to this moment',
      () => new URL(linkTo(this.#shownAt, location.hash), location.href).href,
    );
    this.root = element(
      'article',
      {},
      element('nav', { class: 'bar' }, element('a', { href: '#/', class: 'back' }, '← All queues'), copy),
      element('div', { class: 'subject' }, title, this.#owner),
      this.#trouble,
      this.#findings.root,
      this.#tiles.root,
      this.#ledger.root,
      this.#charts.root,
    );
    if (moment === undefined) this.#timer = setInterval(() => void this.#ask(), ASK_EVERY_MS);
    void this.#ask();
  }

  show({ findings, queues, takenAt }: LiveMessage): void {
    this.#shownAt = takenAt;
    const { netns, device, queue } = this.#address;
    const own = findings.filter(
      (one) => one.netns === netns && one.device === device && (one.queue === undefined || one.queue === queue),
    );
    this.#findings.show(own, 'Nothing was found on this queue.', takenAt);
    const begun = own.map(({ rule, severity, since = takenAt, seen }): Mark => {
      return { from: since, to: Math.max(since, seen), text: rule, colour: COLOURS[severity] };
    });
    const moment = this.#moment;
    const asked =
      moment === undefined ? [] : [{ from: moment, to: moment, text: localTime(moment), colour: '#8a93a1' }];
    this.#charts.mark([...begun.slice(0, MOST_MARKS), ...this.#changes, ...asked]);
    const rate = queues.find((one) => one.netns === netns && one.device === device && one.queue === queue);
    say(this.#trouble, rate ? '' : 'This queue is gone; what is below is its past.');
    if (!rate) return;
    say(this.#owner, visible(`${rate.owner ? whose(rate.owner) : 'No owner is known'}, namespace ${rate.namespace}`));
    this.#tiles.show(rate);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#charts.close();
  }

  async #ask(): Promise<void> {
    const { netns, device, queue } = this.#address;
    try {
      const answer = await fetch(`/api/v1/queues/${netns}/${encodeURIComponent(device)}/${queue}/history`);
      if (!answer.ok) return say(this.#trouble, (await answer.text()).trim());
      const series: QueueSeries = await answer.json();
      if (this.#isClosed) return;
      this.#changes = series.changes.slice(-MOST_MARKS).map(({ at, text }): Mark => {
        return { from: at, to: at, text: visible(text), colour: COLOURS.change };
      });
      this.#charts.draw(series);
      await this.#askLedger();
    } catch {
      say(this.#trouble, 'The agent does not answer; the charts stand still.');
    }
  }

  async #askLedger(): Promise<void> {
    const { netns, device } = this.#address;
    const then = this.#moment === undefined ? '' : `?at=${this.#moment}`;
    const answer = await fetch(`/api/v1/ledger/${netns}/${encodeURIComponent(device)}${then}`);
    // A device that is gone has charts, and no ledger of now.
    if (!answer.ok || this.#isClosed) return;
    const ledger: LedgerAnswer = await answer.json();
    this.#ledger.show(ledger);
  }
}
