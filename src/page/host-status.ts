// SPDX-License-Identifier: Apache-2.0
// The first look: is this host well? A word, a sentence, and the host's totals.

import { hiddenWords } from '../diagnosis/format.ts';
import { totalsOf } from '../diagnosis/host-totals.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { visible } from '../snapshot/visible.ts';
import { element, say } from './element.ts';
import { groupsOf } from './finding-groups.ts';
import { figure, share, shareLost } from './page-figures.ts';
import { stateOf } from './queue-state.ts';
import { Sparkline, Trend } from './trends.ts';

/** The answer: what is lost now, and how much of it needs action. */
export function sentenceOf({ verdict, findings, queues, unjudged, takenAt, hiddenDevices = 0 }: LiveMessage): string {
  const seen = counted(queues.length, 'queue');
  if (verdict === 'ok' && queues.length === 0)
    return hiddenDevices > 0
      ? `No queue is shown: ${hiddenWords(hiddenDevices)}.`
      : 'No tun or tap queue is on this host now.';
  if (verdict === 'ok') return `${seen} watched, nothing to do.`;
  if (verdict === 'unknown') {
    const blind =
      unjudged.length > 0 ? `${counted(unjudged.length, 'rule')} cannot judge on this host` : 'figures are not exact';
    return `${seen} watched, no fault found, but ${blind}.`;
  }
  const groups = groupsOf(findings, takenAt).filter(({ severity }) => severity !== 'info');
  const going = groups.filter(({ isEnded }) => !isEnded);
  const faulty = new Set(
    (going.length > 0 ? going : groups).flatMap((group) => group.findings.map((one) => one.device ?? 'the agent')),
  );
  const [only] = faulty;
  const where = faulty.size === 1 && only !== undefined ? visible(only) : counted(faulty.size, 'device');
  return going.length > 0
    ? `${where} ${faulty.size === 1 ? 'needs' : 'need'} action. ${lossOf(queues)}`
    : `${where} recovered a moment ago. ${lossOf(queues)}`;
}

function lossOf(queues: readonly QueueRate[]): string {
  const losing = queues.filter(({ dropped }) => (dropped ?? 0) > 0).length;
  const lost = sum(queues, ({ dropped }) => dropped);
  if (losing === 0) return 'This second no queue loses packets.';
  const of = queues.length > 1 ? `${figure(losing)} of ${figure(queues.length)} queues` : 'its queue';
  return `This second ${of} ${losing > 1 ? 'lose' : 'loses'} ${figure(lost)} ${lost === 1 ? 'packet' : 'packets'}.`;
}

function counted(number: number, word: string): string {
  return `${figure(number)} ${word}${number === 1 ? '' : 's'}`;
}

function sum(queues: readonly QueueRate[], of: (rate: QueueRate) => number | undefined): number | undefined {
  const known = queues.flatMap((rate) => of(rate) ?? []);
  return known.length > 0 ? known.reduce((all, one) => all + one, 0) : undefined;
}

interface Tile {
  readonly title: string;
  readonly unit: string;
  readonly value: (queues: readonly QueueRate[]) => string;
  readonly note: (queues: readonly QueueRate[]) => string;
  /** Values of its line; undefined: it has none. */
  readonly trend?: (sums: HostSums) => { readonly all: number; readonly lost: number };
}

/** Of all queues, packets a second. */
interface HostSums {
  /** Unix time, seconds. */
  readonly at: number;
  readonly offered: number;
  readonly dropped: number;
  readonly lostBefore: number;
  readonly written: number;
}

const TILES: readonly Tile[] = [
  { title: 'Queues', unit: '', value: (queues) => figure(queues.length), note: stateCounts },
  {
    title: 'To guests and readers',
    unit: 'packets/s',
    value: (queues) => figure(sum(queues, ({ offered }) => offered)),
    note: () => 'offered to the queues',
    trend: ({ offered, dropped }) => ({ all: offered, lost: dropped }),
  },
  {
    title: 'Lost at the queues',
    unit: 'packets/s',
    value: (queues) => figure(sum(queues, ({ dropped }) => dropped)),
    note: (queues) => {
      const { lost, offered } = totalsOf(queues, ({ dropped }) => dropped);
      return shareLost(lost, offered);
    },
    trend: ({ dropped }) => ({ all: 0, lost: dropped }),
  },
  {
    title: 'Lost before tun',
    unit: 'packets/s',
    value: (queues) => figure(sum(queues, ({ lostBefore }) => lostBefore)),
    note: () => 'qdisc, bridge, firewall, no reader',
    trend: ({ lostBefore }) => ({ all: 0, lost: lostBefore }),
  },
  {
    title: 'From guests and writers',
    unit: 'packets/s',
    value: (queues) => figure(sum(queues, ({ written }) => written)),
    note: () => 'taken from them',
    trend: ({ written }) => ({ all: written, lost: 0 }),
  },
  {
    title: 'Waiting in rings',
    unit: 'packets',
    value: (queues) => figure(sum(queues, ({ ring }) => ring?.occupancy)),
    note: fullest,
  },
];

function stateCounts(queues: readonly QueueRate[]): string {
  const counts = new Map<string, number>();
  for (const rate of queues) {
    const { word } = stateOf(rate);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = ['losing', 'lost before', 'stopped', 'full', 'flowing', 'idle', 'no queue'];
  return words.flatMap((word) => (counts.has(word) ? [`${figure(counts.get(word))} ${word}`] : [])).join(', ');
}

function fullest(queues: readonly QueueRate[]): string {
  const fullOf = ({ ring }: QueueRate): number => (ring && ring.capacity > 0 ? ring.occupancy / ring.capacity : 0);
  const most = queues.reduce<QueueRate | undefined>(
    (best, one) => (best && fullOf(best) >= fullOf(one) ? best : one),
    undefined,
  );
  if (!most || fullOf(most) === 0) return 'all rings are empty';
  return `fullest: ${visible(most.device)} queue ${most.queue ?? 0}, ${share(fullOf(most))}`;
}

export class Totals {
  readonly root = element('section', { class: 'tiles totals', 'aria-label': 'Totals of this host' });
  readonly #tiles = TILES.map((tile) => {
    const value = element('span', { class: 'value' });
    const note = element('span', { class: 'quiet note' });
    const line = tile.trend && { spark: new Sparkline(), trend: new Trend() };
    const root = element('div', { class: 'tile' }, element('span', { class: 'name' }, tile.title));
    root.append(element('span', { class: 'figure' }, value, ' ', element('span', { class: 'unit' }, tile.unit)), note);
    if (line) root.append(line.spark.root);
    this.root.append(root);
    return { tile, value, note, line };
  });

  show(queues: readonly QueueRate[], takenAt: number): void {
    const sums: HostSums = {
      at: takenAt,
      offered: sum(queues, ({ offered }) => offered) ?? 0,
      dropped: sum(queues, ({ dropped }) => dropped) ?? 0,
      lostBefore: sum(queues, ({ lostBefore }) => lostBefore) ?? 0,
      written: sum(queues, ({ written }) => written) ?? 0,
    };
    for (const { tile, value, note, line } of this.#tiles) {
      say(value, tile.value(queues));
      say(note, tile.note(queues));
      if (!line || !tile.trend) continue;
      line.trend.add({ at: takenAt, ...tile.trend(sums) });
      line.spark.draw(line.trend);
    }
  }

  /** Puts what was before the page was opened in front of the lines. */
  precede(past: readonly HostSums[]): void {
    for (const { tile, line } of this.#tiles) {
      const { trend } = tile;
      if (!line || !trend) continue;
      line.trend.precede(past.map((sums) => ({ at: sums.at, ...trend(sums) })));
      line.spark.draw(line.trend);
    }
  }
}
