// SPDX-License-Identifier: Apache-2.0
// Losses as lines of text or of JSON.
import type { EndedDevice } from '../snapshot/deleted-devices.ts';
import type {
  Loss,
  LossPacket,
  LossStack,
  LossSubject,
  LossSummary,
  NotShown,
  PacketFlow,
} from '../snapshot/losses.ts';
import { escapedJson, visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { counted, padEnd } from './terminal-text.ts';

/** 2: one time, `takenAt`. */
const DROPS_SCHEMA = 2;

/** `at`: seconds since 1970. */
export interface LossLines {
  /** Losses are counted from now on; what stands where. */
  start(at: number): string;
  loss(at: number, loss: Loss): string;
  packet(packet: LossPacket): string;
  stack(at: number, stack: LossStack): string;
  /** '': all were shown. */
  notShown(at: number, notShown: NotShown): string;
  summary(at: number, summary: LossSummary): string;
}

interface TextOptions {
  /** Devices of another one are shown with theirs. */
  readonly ownNetns: number | undefined;
  /** Single packets a second; 0: losses are shown together. */
  readonly rate: number;
}

export function textLines({ ownNetns, rate }: TextOptions): LossLines {
  const subject = (at: string, loss: LossSubject, amount: string): string => {
    const queue = loss.queue === undefined ? '-' : String(loss.queue);
    return row(at, deviceOf(loss, ownNetns), queue, amount, loss.where, loss.reason, loss.location ?? '-');
  };
  return {
    start: () => (rate > 0 ? PACKET_HEADER : LOSS_HEADER),
    loss: (at, loss) => line(`${subject(clock(at), loss, String(loss.packets))}  ${ownerOf(loss)}`),
    packet: (packet) => {
      const who = `${ownerOf(packet)}  ${describe(packet.flow)}`;
      return line(`${subject(clock(packet.at, 6), packet, String(packet.bytes))}  ${who}`);
    },
    stack: (at, stack) =>
      [
        `${subject(clock(at, 6), stack, 'stack')}  of the first of these:`,
        ...stack.frames.map((frame) => `    ${frame}`),
      ]
        .map(line)
        .join(''),
    notShown: (at, notShown) => {
      const reasons = whyNotShown(notShown, rate);
      return reasons === '' ? '' : line(`${clock(at)} not shown: ${reasons}`);
    },
    summary: (_, summary) => renderSummary(summary, rate, ownNetns),
  };
}

export function jsonLines(): LossLines {
  const json = (at: number, type: string, value: object): string =>
    `${escapedJson(JSON.stringify({ schema: DROPS_SCHEMA, type, takenAt: at, ...value }, withNulls))}\n`;
  return {
    start: (at) => json(at, 'start', {}),
    loss: (at, loss) => json(at, 'loss', plain(loss, { packets: loss.packets })),
    packet: (packet) => json(packet.at, 'packet', plain(packet, { bytes: packet.bytes, flow: flowOf(packet.flow) })),
    stack: (at, stack) => json(at, 'stack', plain(stack, { frames: stack.frames })),
    notShown: (at, notShown) => (whyNotShown(notShown, 0) === '' ? '' : json(at, 'not-shown', notShown)),
    summary: (at, { losses, ...summary }) =>
      json(at, 'summary', { ...summary, losses: losses.map((loss) => plain(loss, { packets: loss.packets })) }),
  };
}

const LOSS_HEADER = `${row('TIME', 'DEVICE', 'QUEUE', 'PACKETS', 'WHERE', 'REASON', 'FUNCTION')}  OWNER\n`;
const PACKET_HEADER = `${row('TIME'.padEnd(15), 'DEVICE', 'QUEUE', 'BYTES', 'WHERE', 'REASON', 'FUNCTION')}  OWNER  PACKET\n`;

/** All keys, in one order; what is not known is null. */
function plain(subject: LossSubject, more: object): object {
  const { netns, namespace, device, queue, where, reason, location, owner } = subject;
  return { netns, namespace, device, queue, where, reason, location, owner, ...more };
}

function flowOf({ protocol, source, destination, sourcePort, destinationPort, detail }: PacketFlow): object {
  return { protocol, source, destination, sourcePort, destinationPort, detail };
}

const withNulls = (_: string, value: unknown): unknown => (value === undefined ? null : value);

function row(
  at: string,
  device: string,
  queue: string,
  packets: string,
  where: string,
  reason: string,
  location: string,
): string {
  return [
    at.padEnd(8),
    padEnd(device, 15),
    queue.padStart(5),
    packets.padStart(8),
    where.padEnd(6),
    reason.padEnd(13),
    location.padEnd(14),
  ].join(' ');
}

/** Time of day on this host. */
function clock(at: number, decimals = 0): string {
  const date = new Date(1000 * at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const fraction = decimals > 0 ? (at % 1).toFixed(decimals).slice(1) : '';
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}${fraction}`;
}

function deviceOf(
  { netns, namespace, device }: Pick<LossSubject, 'netns' | 'namespace' | 'device'>,
  ownNetns: number | undefined,
): string {
  return netns === ownNetns ? device : `${namespace ?? netns}/${device}`;
}

function describe({ protocol, source, destination, sourcePort, destinationPort, detail }: PacketFlow): string {
  const end = (address: string, port: number | undefined): string => {
    if (port === undefined) return address;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  };
  const ends =
    source === undefined || destination === undefined
      ? ''
      : ` ${end(source, sourcePort)} > ${end(destination, destinationPort)}`;
  return `${protocol}${ends}${detail === '' ? '' : ` (${detail})`}`;
}

function whyNotShown({ overLimit, noRoom, untraced }: NotShown, rate: number): string {
  return [
    ...(overLimit > 0 ? [`${overLimit} over the limit${rate > 0 ? ` of ${rate}/s` : ''}`] : []),
    ...(noRoom > 0 ? [`${noRoom} without room`] : []),
    ...(untraced > 0 ? [`${untraced} untraced`] : []),
  ].join(', ');
}

const MOST_TOTALS = 10;

function renderSummary(summary: LossSummary, rate: number, ownNetns: number | undefined): string {
  const { seconds, packets, shown, notShown, losses, devicesGone, uncounted, skipped, reasonUnknown, afterEnd } =
    summary;
  const lines = [
    `${counted(packets, 'packet')} lost in ${seconds.toFixed(1)} s${packets > 0 ? ':' : '.'}`,
    ...losses.slice(0, MOST_TOTALS).map((loss) => {
      const queue = loss.queue === undefined ? '' : ` queue ${loss.queue}`;
      const at = loss.location === undefined ? '' : ` at ${loss.location}`;
      return `${String(loss.packets).padStart(10)}  ${deviceOf(loss, ownNetns)}${queue}, ${loss.where}, ${loss.reason}${at}`;
    }),
    ...(losses.length > MOST_TOTALS ? [`${''.padStart(10)}  and ${losses.length - MOST_TOTALS} others`] : []),
    ...(rate > 0 ? [`Shown: ${shown}. Not shown: ${whyNotShown(notShown, rate) || 'none'}.`] : []),
    ...(rate > 0 && afterEnd > 0 ? [`${counted(afterEnd, 'packet')} came after the last line.`] : []),
    ...(notShown.untraced > 0
      ? ['Untraced packets are counted by the device, and the kernel gave no reason: shared or redirected ones.']
      : []),
    ...(reasonUnknown > 0 ? [`${counted(reasonUnknown, 'more packet')} untraced: the reason is not known.`] : []),
    ...(devicesGone > 0
      ? [`${counted(devicesGone, 'device')} went meanwhile: untraced losses of their last second are not counted.`]
      : []),
    ...endedLines(summary.ended, ownNetns),
    ...(uncounted > 0 ? [`${counted(uncounted, 'packet')} lost beside these found no place among the counts.`] : []),
    ...(skipped > 0 ? [`The kernel did not run the program for ${skipped} freed packets of the host.`] : []),
    `This process took ${(100 * summary.ownCpu).toFixed(1)} % of one CPU.`,
  ];
  return lines.map(line).join('');
}

const MOST_ENDED = 10;

function endedLines({ devices, latest }: LossSummary['ended'], ownNetns: number | undefined): readonly string[] {
  if (devices === 0) return [];
  return [
    `${counted(devices, 'device')} ${devices === 1 ? 'has' : 'have'} ended. The last:`,
    ...latest.slice(-MOST_ENDED).map((device) => `  ${clock(device.endedAt)}  ${endedText(device, ownNetns)}`),
  ];
}

function endedText(device: EndedDevice, ownNetns: number | undefined): string {
  const { netns, name, owner, livedAtMost, seenFor, counts } = device;
  const most = livedAtMost === undefined ? '' : `lived ${livedAtMost.toFixed(1)} s at most, `;
  const life = seenFor === undefined ? `${most}no look saw it` : `was seen for ${seenFor.toFixed(0)} s`;
  const where = deviceOf({ netns, namespace: undefined, device: name || '(no name)' }, ownNetns);
  const packets = `${counts.delivered} delivered, ${counts.received} from it`;
  return `${where} ${life}: ${packets}  ${owner ? whose(owner) : '-'}`;
}

function ownerOf({ owner }: LossSubject): string {
  return owner ? whose(owner) : '-';
}

function line(text: string): string {
  return `${visible(text).trimEnd()}\n`;
}
