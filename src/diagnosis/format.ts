// SPDX-License-Identifier: Apache-2.0
// Names and numbers as findings print them.

import { guestOf } from '../snapshot/owner.ts';
import { readingThread, workerOf } from '../snapshot/queue.ts';
import type { AgentState } from '../snapshot/snapshot.ts';
import { readerUse } from './evidence/reader-use.ts';
import type { DeviceSpan, QueueSpan } from './window.ts';

/** 12 431 */
export function count(packets: number): string {
  return String(Math.round(packets)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** '1 packet', '12 431 packets' */
export function several(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${Math.round(number) === 1 ? one : many}`;
}

/** '1 994/s' */
export function eachSecond(packets: number): string {
  return packets > 0 && packets < 1 ? 'under 1/s' : `${count(packets)}/s`;
}

interface Losing {
  readonly share: number;
  readonly perSecond: number;
}

/** 'loses all packets, 1 994/s' or 'loses 12 % of its packets, 90/s': of what is sent to the guest or reader. */
export function loses({ share, perSecond }: Losing): string {
  return `loses ${share === 1 ? 'all' : `${percent(share)} of its`} packets, ${eachSecond(perSecond)}`;
}

const LOSES = /^loses (?:all|[\w.% ]+ of its) packets, (?:under )?[\d ]+\/s/;

/** A text that begins with `loses`, of another loss. */
export function losesInstead(text: string, loss: Losing): string {
  return text.replace(LOSES, loses(loss));
}

/** The same of what the guest or writer sends. */
export function losesSent({ share, perSecond }: Losing): string {
  return `loses ${share === 1 ? 'all' : percent(share)} of what it sends, ${eachSecond(perSecond)}`;
}

/** 'blue', as `ip netns` or what mounted it calls it; the inode number of one without a name. */
export function namespaceIn(netns: number, { namespaceNames }: Pick<AgentState, 'namespaceNames'>): string {
  return namespaceNames.get(netns) || String(netns);
}

/** Devices that --device-include and --device-exclude of the agent leave out. */
export function hiddenWords(devices: number): string {
  const filter = 'the device filter of the agent (--device-include, --device-exclude)';
  return `${filter} hides ${devices === 1 ? '1 device' : `${count(devices)} devices`}`;
}

/** Never 0 % of something, nor 100 % of not quite all: 99.7 %. */
export function percent(share: number): string {
  const figure = 100 * share;
  if (figure <= 0) return '0 %';
  if (figure < 0.1) return 'under 0.1 %';
  if (figure > 99.9 && figure < 100) return 'over 99.9 %';
  return `${figure < 10 || (figure >= 99.5 && figure < 100) ? figure.toFixed(1) : Math.round(figure)} %`;
}

export function duration(seconds: number): string {
  if (seconds >= 120) return `${Math.round(seconds / 60)} min`;
  if (seconds >= 10) return `${Math.round(seconds)} s`;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return seconds >= 0.001 || seconds === 0 ? `${Math.round(seconds * 1000)} ms` : `${Math.round(seconds * 1e6)} µs`;
}

/** 'tap0 (VM web1)', or 'tap0 queue 2 (VM web1)' */
export function nameOf({ now }: DeviceSpan, queue?: number): string {
  const which = queue === undefined ? '' : ` queue ${queue}`;
  return `${now.name}${which}${guestIn(now.queues.find(({ owner }) => owner)?.owner?.identity)}`;
}

/** 'tap0 queue 2 (VM web1)'; the number only where there are several. */
export function queueName({ device, now }: QueueSpan): string {
  const which = device.now.queues.length > 1 ? ` queue ${now.index}` : '';
  return `${device.now.name}${which}${guestIn(now.owner?.identity)}`;
}

function guestIn(identity: QueueIdentity): string {
  const guest = guestOf(identity);
  return guest ? ` (${guest.join(' ')})` : '';
}

type QueueIdentity = NonNullable<QueueSpan['now']['owner']>['identity'] | undefined;

/** 'vhost-2211 (thread 2219)', 'openvpn (pid 312)', 'boringtun (pid 312, threads 314 and 315)', 'unknown' */
export function readerName(queue: QueueSpan): string {
  const { owner, reader } = queue.now;
  const worker = workerOf(queue.now);
  if (worker) return `${worker.comm} (thread ${worker.tid})`;
  if (!owner) return reader?.thread === undefined ? 'unknown' : `thread ${reader.thread}`;
  const [first, second, ...more] = reader?.thread === undefined ? (readerUse(queue)?.threads ?? []) : [reader.thread];
  if (second !== undefined)
    return `${owner.comm} (pid ${owner.pid}, threads ${first} and ${more.length === 0 ? second : `${more.length + 1} more`})`;
  return `${owner.comm} (pid ${owner.pid}${first === undefined || first === owner.pid ? '' : `, thread ${first}`})`;
}

/** 'its reader qemu-system-x86 (7927)': the number is the process's, of a worker the thread's. */
export function readerInShort({ now }: QueueSpan): string {
  const { owner, reader } = now;
  const worker = workerOf(now);
  const { comm, id } = worker ? { comm: worker.comm, id: worker.tid } : { comm: owner?.comm, id: owner?.pid };
  if (comm !== undefined) return `its reader ${comm} (${id})`;
  return reader?.thread === undefined ? 'its reader' : `its reader, thread ${reader.thread},`;
}

/** The reader's own thread number, where it is one thread and known. */
export function readerThread(queue: QueueSpan): number | undefined {
  const known = readingThread(queue.now);
  if (known !== undefined) return known;
  const threads = readerUse(queue)?.threads ?? [];
  return threads.length === 1 ? threads[0] : undefined;
}
