// SPDX-License-Identifier: Apache-2.0
// Where the packets of the queue's device went in the last seconds: the table of `tapscope diagnose`.
import { type Ledger, type LedgerRow, UNDER_WAY } from '../diagnosis/ledger.ts';
import { visible } from '../snapshot/visible.ts';
import { element } from './element.ts';
import { figure } from './page-figures.ts';

export interface LedgerAnswer extends Ledger {
  /** The window, seconds. */
  readonly seconds: number;
}

export class LedgerTable {
  readonly root = element('section', { class: 'ledger', hidden: true });

  show({ to, from, refused, seconds }: LedgerAnswer): void {
    this.root.hidden = false;
    this.root.replaceChildren(
      element('h3', {}, `Where its packets went in ${Math.round(seconds)} s, all queues together`),
      element(
        'div',
        { class: 'columns' },
        columnOf('To it', to),
        columnOf('From it', from),
        ...(refused.length > 0 ? [tableOf('From it, and refused by tun', undefined, refused)] : []),
      ),
    );
  }
}

function columnOf(title: string, { total, rows, unaccounted }: Ledger['to']): HTMLElement {
  const fate = unaccounted > UNDER_WAY ? 'without a known fate' : 'under way';
  return tableOf(title, total, unaccounted > 0 ? [...rows, { fate, packets: unaccounted }] : rows);
}

/** The largest first. */
function tableOf(title: string, total: number | undefined, rows: readonly LedgerRow[]): HTMLElement {
  return element(
    'table',
    {},
    element(
      'caption',
      {},
      total === undefined ? title : `${title}: ${figure(total)} ${total === 1 ? 'packet' : 'packets'}`,
    ),
    element(
      'tbody',
      {},
      ...rows
        .toSorted((a, b) => b.packets - a.packets)
        .map(({ fate, packets, isLost }) =>
          element(
            'tr',
            { class: isLost && 'lost' },
            element('td', {}, figure(packets)),
            element('th', { scope: 'row' }, visible(fate)),
          ),
        ),
    ),
  );
}
