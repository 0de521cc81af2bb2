// SPDX-License-Identifier: Apache-2.0
// The current state of one queue, as tiles.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { stateInFull } from '../outputs/reader-state.ts';
import { time } from '../outputs/short-figures.ts';
import { visible } from '../snapshot/visible.ts';
import { element, mark, say } from './element.ts';
import { figure, share, shareLost } from './page-figures.ts';
import { fillOf } from './queue-columns.ts';
import { stateOf } from './queue-state.ts';

interface QueueTile {
  readonly title: string;
  readonly unit: string;
  readonly value: (rate: QueueRate) => string;
  readonly note: (rate: QueueRate) => string;
}

const TILES: readonly QueueTile[] = [
  { title: 'State', unit: '', value: (rate) => stateOf(rate).word, note: (rate) => stateOf(rate).meaning },
  {
    title: 'To the guest or reader',
    unit: 'packets/s',
    value: ({ offered }) => figure(offered),
    note: () => 'offered to this queue',
  },
  {
    title: 'Lost here',
    unit: 'packets/s',
    value: ({ dropped }) => figure(dropped),
    note: ({ dropped, offered }) => shareLost(dropped, offered),
  },
  {
    title: 'Waiting in the ring',
    unit: 'packets',
    value: ({ ring }) => figure(ring?.occupancy),
    note: (rate) =>
      rate.ring ? `${share(Math.max(0, fillOf(rate)))} of room for ${rate.ring.capacity}` : 'not measured',
  },
  {
    title: 'Time in the ring',
    unit: '',
    value: ({ sojourn }) => time(sojourn),
    note: () => '99 % of packets stayed below',
  },
  { title: 'Stopped', unit: '', value: ({ stopped }) => share(stopped), note: () => 'of the time, by flow control' },
  {
    title: 'From the guest or writer',
    unit: 'packets/s',
    value: ({ written }) => figure(written),
    note: () => 'of the whole device',
  },
  {
    title: 'Reader',
    unit: '',
    value: ({ reader }) => visible(reader?.name ?? '–'),
    note: ({ reader, state }) =>
      visible(
        [reader?.thread && `thread ${reader.thread}`, state && `mostly ${stateInFull(state)} while the queue was full`]
          .filter(Boolean)
          .join(', '),
      ),
  },
];

export class QueueTiles {
  readonly root = element('section', { class: 'tiles', 'aria-label': 'Now' });
  readonly #tiles = TILES.map((tile) => {
    const isName = tile.title === 'State' || tile.title === 'Reader';
    const value = element('span', { class: isName ? 'value words' : 'value' });
    const note = element('span', { class: 'quiet note' });
    const figure = element('span', { class: 'figure' }, value, ' ', element('span', { class: 'unit' }, tile.unit));
    const root = element('div', { class: 'tile' }, element('span', { class: 'name' }, tile.title), figure, note);
    this.root.append(root);
    return { tile, value, note, root };
  });

  show(rate: QueueRate): void {
    for (const { tile, value, note, root } of this.#tiles) {
      say(value, tile.value(rate));
      say(note, tile.note(rate));
      mark(root, tile.title === 'Lost here' && (rate.dropped ?? 0) > 0 ? 'tile bad' : 'tile');
    }
  }
}
