// SPDX-License-Identifier: Apache-2.0
// The state of a queue in one word, the worst first: losing before full, full before flowing.
import type { QueueRate } from '../diagnosis/queue-rates.ts';

interface QueueState {
  readonly word: 'losing' | 'lost before' | 'stopped' | 'full' | 'no queue' | 'flowing' | 'idle';
  /** The name of an icon in src/page/svg.ts. */
  readonly icon: string;
  /** 0 is the worst. */
  readonly rank: number;
  readonly meaning: string;
}

const STATES: readonly QueueState[] = [
  { word: 'losing', icon: 'critical', rank: 0, meaning: 'packets are dropped at this queue just now' },
  {
    word: 'lost before',
    icon: 'warning',
    rank: 3,
    meaning: 'packets are lost before they reach tun: qdisc, bridge, firewall, no reader',
  },
  {
    word: 'stopped',
    icon: 'stopped',
    rank: 1,
    meaning: 'the queue is stopped for most of the time: flow control holds the sender back',
  },
  { word: 'full', icon: 'warning', rank: 2, meaning: 'nine tenths of the ring are taken' },
  { word: 'no queue', icon: 'unknown', rank: 6, meaning: 'the device has no queue now: no process has it open' },
  { word: 'flowing', icon: 'flowing', rank: 4, meaning: 'packets pass, and none is lost' },
  { word: 'idle', icon: 'idle', rank: 5, meaning: 'no packet comes or goes' },
];

export function stateOf(rate: QueueRate): QueueState {
  const word = wordOf(rate);
  const found = STATES.find((state) => state.word === word) ?? STATES.at(-1);
  if (!found) throw new Error('The list of states is empty.');
  return found;
}

function wordOf({
  dropped = 0,
  lostBefore = 0,
  stopped = 0,
  ring,
  queue,
  offered,
  written,
}: QueueRate): QueueState['word'] {
  if (dropped > 0) return 'losing';
  if (stopped > 0.5) return 'stopped';
  if (ring && ring.capacity > 0 && ring.occupancy >= 0.9 * ring.capacity) return 'full';
  if (lostBefore > 0) return 'lost before';
  if (queue === undefined) return 'no queue';
  return (offered ?? 0) > 0 || (written ?? 0) > 0 ? 'flowing' : 'idle';
}

export function keyOfQueue({ netns, device, queue }: Pick<QueueRate, 'netns' | 'device' | 'queue'>): string {
  return `${netns}/${device}/${queue ?? ''}`;
}

export function queueHref(netns: number, device: string, queue: number): string {
  return `#/queue/${netns}/${encodeURIComponent(device)}/${queue}`;
}
