// SPDX-License-Identifier: Apache-2.0
// The answer of `tapscope whatif`: the least ring, other sizes, backpressure, the command, and its limits.

import { tapscope } from '../../own-command.ts';
import { count, duration, nameOf, percent, readerInShort, several } from '../format.ts';
import { setLink } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { LARGEST_RING, type RingForecast, ringForecast } from './ring-forecast.ts';
import type { SteadyWindow } from './steady-window.ts';

export interface RingAnswer {
  readonly netns: number;
  readonly device: string;
  /** Seconds that were watched; fewer than asked for where the rings changed meanwhile. */
  readonly seconds: number;
  /** One sentence. */
  readonly answer: string;
  readonly forecast: RingForecast;
  readonly backpressure: string;
  /** undefined: no size helps, or none is needed. */
  readonly command: string | undefined;
  /** How far the answer goes, one sentence each. */
  readonly limits: readonly string[];
}

interface RingQuestion {
  /** This queue alone; undefined: all of the device. */
  readonly queue?: number | undefined;
  /** Further values of txqueuelen. */
  readonly sizes: readonly number[];
  /** The release that uname prints: 7.3.4. */
  readonly kernel: string;
}

/** Unexplained losses of less are a race between two counts. */
const WORTH_TELLING = 0.01;

/** Throws one sentence where nothing can be said. */
export function ringAnswer(steady: SteadyWindow, { queue, sizes, kernel }: RingQuestion): RingAnswer {
  const { window, isCut } = steady;
  const device = narrowedTo(steady.device, queue);
  const { name, kind, netns, queues } = device.now;
  if (kind === 'macvtap' || kind === 'ipvtap')
    throw new Error(
      `${name} is a ${kind}, whose overflows are not followed, so no ring size is known: '${tapscope('diagnose')}' says what it loses and why.`,
    );
  if (queues.every(({ ring }) => ring === undefined))
    throw new Error(`${name} has no reader, hence no ring: start the program that is to read it, and ask again.`);
  const forecast = ringForecast(device, sizes);
  if (!forecast) throw new Error(whyUnknown(device, window.agent.level));
  const { advised } = forecast;
  return {
    netns,
    device: name,
    seconds: device.seconds,
    answer: answerOf(device, queue, forecast),
    forecast,
    backpressure: isUnread(forecast) ? UNREAD : backpressureOf(device, kernel),
    command: advised === undefined ? undefined : setLink(device, window, `txqueuelen ${advised}`),
    limits: [...otherQueues(steady.device, queue, forecast), ...limitsOf(forecast, isCut)],
  };
}

function narrowedTo(device: DeviceSpan, queue: number | undefined): DeviceSpan {
  if (queue === undefined) return device;
  const { now } = device;
  const queues = device.queues.filter((one) => one.now.index === queue);
  return { ...device, now: { ...now, queues: now.queues.filter(({ index }) => index === queue) }, queues };
}

/** txqueuelen is of the device: what is enough for one queue may not be for another. */
function otherQueues(device: DeviceSpan, queue: number | undefined, { advised }: RingForecast): readonly string[] {
  if (queue === undefined || device.now.queues.length < 2) return [];
  const { name } = device.now;
  const all = ringForecast(device, []);
  const more = all?.advised ?? 0;
  return advised !== undefined && more > advised
    ? [`txqueuelen is one for all queues of ${name}, and others of them need ${more}.`]
    : [`txqueuelen is one for all queues of ${name}.`];
}

function whyUnknown({ now }: DeviceSpan, level: Window['agent']['level']): string {
  if (level === 'lean')
    return `Overflows of ${now.name} are not followed: the agent is over its budget (level lean). Add --socket=/none to measure for 30 s without the agent, or start it with a larger --budget.`;
  return `Overflows of ${now.name} are not followed on this host: '${tapscope('doctor')}' says why.`;
}

function answerOf(device: DeviceSpan, asked: number | undefined, forecast: RingForecast): string {
  const { loss, size, advised, isHopeless, queues, highwater } = forecast;
  const name = nameOf(device, asked);
  const time = `in the last ${duration(device.seconds)}`;
  const dead = queues.find(({ stuck }) => stuck?.taken === 0);
  const lost = `${size === 0 ? 'a ring of size 0' : count(size)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} (${percent(loss.share)})`;
  if (dead?.stuck) {
    const reader = device.queues.find(({ now }) => now.index === dead.queue);
    const who = reader ? readerInShort(reader).replace(/,$/, '') : 'its reader';
    const so = loss.lost === 0 ? `the ring lost nothing yet ${time}` : lost;
    return `${name}: no ring size helps: ${who} has taken nothing for ${duration(dead.stuck.seconds)}; ${so}. '${tapscope('diagnose')}' says what to type.`;
  }
  if (loss.lost === 0) {
    const level =
      highwater === undefined ? 'nothing was offered' : `high-water mark ${count(highwater)} of ${count(size)}`;
    return `${name}: nothing to change, the ring lost nothing ${time} (${level}).`;
  }
  if (advised !== undefined) return `${name}: txqueuelen ${advised} would have lost nothing ${time}; ${lost}.`;
  const stuck = queues.find((queue) => queue.stuck !== undefined)?.stuck;
  if (stuck)
    return `${name}: no ring size helps: the reader takes ${count(stuck.taken)} a second and ${count(stuck.offered)} come; ${lost}.`;
  if (isHopeless) {
    const needed = Math.max(...queues.map((queue) => queue.needed));
    return `${name}: no ring size helps: ${count(needed)} slots would have been needed, and Linux gives at most ${count(LARGEST_RING)}; ${lost}.`;
  }
  return `${name}: no ring size can be named: these losses were in no overflow that was followed; ${lost}.`;
}

const UNREAD = 'does not help either: the reader takes nothing, so senders would wait, or lose packets before the ring';

function isUnread({ queues }: RingForecast): boolean {
  return queues.some(({ stuck }) => stuck?.taken === 0);
}

function backpressureOf({ now: { qdisc, flowControl } }: DeviceSpan, kernel: string): string {
  const waits = `0 lost at the ring; packets wait in the qdisc${qdisc ? ` (${qdisc})` : ''}, whose limit decides`;
  if (flowControl === 'backpressure') return `is on: ${waits}`;
  if (flowControl === 'backpressure-inactive') return `is set, and does nothing: the qdisc ${qdisc ?? ''} cannot wait`;
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const isKnown = major > 7 || (major === 7 && minor >= 3);
  if (!isKnown) return `needs Linux 7.3; there: ${waits}`;
  return qdisc === 'noqueue' ? 'needs a qdisc that can wait: noqueue cannot' : waits;
}

function limitsOf({ queues, loss, advised, isHopeless }: RingForecast, isCut: boolean): readonly string[] {
  if (loss.lost === 0) return isCut ? [CUT] : [];
  const open = queues.reduce((sum, queue) => sum + queue.open, 0);
  const unexplained = queues.reduce((sum, queue) => sum + queue.unexplained, 0);
  return [
    'The senders are taken to send the same again, as UDP does. TCP slows down where packets are lost: with TCP these losses are an upper bound.',
    'A longer ring takes longer to empty: overflows closer together than that need more.',
    isHopeless ? 'A ring helps against bursts, not against a reader that is slower than its senders on average.' : '',
    advised !== undefined && open > 0
      ? `An overflow of ${several(open, 'packet')} had not ended, or its end was not seen: if it goes on, more is needed.`
      : '',
    unexplained > WORTH_TELLING * loss.lost
      ? `${count(unexplained)} lost packets belong to no overflow that was followed; no size is taken to save them.`
      : '',
    isCut ? CUT : '',
  ].filter((limit) => limit !== '');
}

const CUT = 'The time begins when the rings, the queues or the agent’s probes last changed.';
