// SPDX-License-Identifier: Apache-2.0
// Losses as lines of text or of JSON.
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
import { counted, fit, padEnd, wrap } from './terminal-text.ts';

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
  /** Columns of the terminal; undefined: lines of any length. */
  readonly width?: number | undefined;
  /** What is watched, in words: 'vnet1'. */
  readonly watched: string;
}

export function textLines({ ownNetns, rate, width = Number.POSITIVE_INFINITY, watched }: TextOptions): LossLines {
  const subject = (at: string, loss: LossSubject, amount: string): string =>
    row(at, queueOf(loss, ownNetns), amount, loss.where, loss.reason, placeOf(loss));
  const oneLine = (text: string): string => line(fit(visible(text), width));
  return {
    start: () => oneLine(rate > 0 ? PACKET_HEADER : LOSS_HEADER),
    loss: (at, loss) => oneLine(`${subject(clock(at), loss, String(loss.packets))} ${ownerOf(loss)}`),
    packet: (packet) => {
      const what = subject(clock(packet.at, 6), packet, String(packet.bytes));
      return inWidth(what, `${ownerOf(packet)}  ${describe(packet.flow)}`, width);
    },
    stack: (at, stack) =>
      inWidth(subject(clock(at, 6), stack, 'stack'), 'of the first of these:', width) +
      stack.frames.map((frame) => line(`${INDENT}${frame}`)).join(''),
    notShown: (at, notShown) => {
      const reasons = whyNotShown(notShown, rate);
      return reasons === '' ? '' : wrapped(`${clock(at)} not shown: ${reasons}`, width);
    },
    summary: (_, summary) => renderSummary(summary, { rate, ownNetns, width, watched }),
  };
}

const INDENT = '    ';

/** What tells one packet from the others is never cut: where a line has no room for it, it is on the next. */
function inWidth(what: string, who: string, width: number): string {
  const all = visible(`${what} ${who}`);
  if (fit(all, width) === all) return line(all);
  return line(fit(visible(what).trimEnd(), width)) + wrap(visible(who), width, INDENT).map(line).join('');
}

function wrapped(text: string, width: number): string {
  const [, indent = ''] = /^( *)/.exec(text) ?? [];
  const shown = visible(text);
  return fit(shown, width) === shown ? line(shown) : wrap(shown, width, indent).map(line).join('');
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
    summary: (at, { losses, elsewhere, ...summary }) => {
      const all = (of: readonly Loss[]): readonly object[] => of.map((loss) => plain(loss, { packets: loss.packets }));
      return json(at, 'summary', { ...summary, losses: all(losses), elsewhere: all(elsewhere) });
    },
  };
}

const LOSS_HEADER = `${row('TIME', 'DEVICE', 'PACKETS', 'WHERE', 'REASON', 'FUNCTION')} OWNER`;
const PACKET_HEADER = `${row('TIME'.padEnd(15), 'DEVICE', 'BYTES', 'WHERE', 'REASON', 'FUNCTION')} OWNER  PACKET`;

/** All keys, in one order; what is not known is null. */
function plain(subject: LossSubject, more: object): object {
  const { netns, namespace, device, queue, where, reason, location, owner, elsewhere = null } = subject;
  return { netns, namespace, device, queue, where, reason, location, owner, elsewhere, ...more };
}

function flowOf({ protocol, source, destination, sourcePort, destinationPort, detail }: PacketFlow): object {
  return { protocol, source, destination, sourcePort, destinationPort, detail };
}

const withNulls = (_: string, value: unknown): unknown => (value === undefined ? null : value);

function row(at: string, queue: string, packets: string, where: string, reason: string, place: string): string {
  return [
    at.padEnd(8),
    padEnd(queue, 13),
    packets.padStart(7),
    where.padEnd(7),
    reason.padEnd(14),
    padEnd(place, 14),
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

/** 'vnet0/3': every command takes it so; 'vnet0' where no queue is known. */
function queueOf(loss: LossSubject, ownNetns: number | undefined): string {
  return `${deviceOf(loss, ownNetns)}${loss.queue === undefined ? '' : `/${loss.queue}`}`;
}

/** 'nf_hook_slow in blue', 'ip_forward at eth0', 'tun_net_xmit'. */
function placeOf({ location, elsewhere }: LossSubject): string {
  if (!elsewhere) return location ?? '-';
  const { netns, namespace, device } = elsewhere;
  return `${location ?? '-'} ${device === undefined ? `in ${namespace ?? netns}` : `at ${device}`}`;
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

function renderSummary(
  summary: LossSummary,
  { rate, ownNetns, width, watched }: TextOptions & { readonly width: number },
): string {
  const { seconds, packets, shown, notShown, losses, devicesGone, uncounted, skipped, reasonUnknown, afterEnd } =
    summary;
  const away = summary.elsewhere.reduce((sum, loss) => sum + loss.packets, 0);
  const lines = [
    `${counted(packets, 'packet')} lost in ${seconds.toFixed(1)} s${away > 0 ? AT_DEVICES : ''}${packets > 0 ? ':' : '.'}`,
    ...totalLines(losses, ownNetns),
    ...(away > 0 ? [`${counted(away, 'packet')} lost elsewhere on the host${rate > 0 ? AND_HIDDEN : ''}:`] : []),
    ...totalLines(summary.elsewhere, ownNetns),
    ...(packets + away === 0
      ? [`Watched: ${watched}, and the ways to it and from it on this host. None was lost.`]
      : []),
    ...(rate > 0 && packets > 0 ? [`Shown: ${shown}. Not shown: ${whyNotShown(notShown, rate) || 'none'}.`] : []),
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
    `This process took ${(100 * summary.ownCpu).toFixed(1)} % of one CPU. ${PROBES_COST}`,
  ];
  return lines.map((text) => wrapped(text, width)).join('');
}

/** Measured by drops-cost (docs/overhead.md). */
const PROBES_COST = 'Its probes cost each freed packet of a tun or tap about 0.2 µs; they are detached now.';

const AT_DEVICES = ' at the devices or in front of them';
/** Single packets are those on their way to a device. */
const AND_HIDDEN = ', none of them shown singly';

function totalLines(losses: readonly Loss[], ownNetns: number | undefined): readonly string[] {
  const blank = ''.padStart(10);
  const told = losses.slice(0, MOST_TOTALS).map((loss) => {
    const queue = loss.queue === undefined ? '' : ` queue ${loss.queue}`;
    const at = loss.location === undefined ? '' : ` at ${placeOf(loss)}`;
    return `${String(loss.packets).padStart(10)}  ${deviceOf(loss, ownNetns)}${queue}, ${loss.where}, ${loss.reason}${at}`;
  });
  return losses.length > MOST_TOTALS ? [...told, `${blank}  and ${losses.length - MOST_TOTALS} others`] : told;
}

const MOST_ENDED = 10;

function endedLines({ devices, latest }: LossSummary['ended'], ownNetns: number | undefined): readonly string[] {
  if (devices === 0) return [];
  return [
    `${counted(devices, 'device')} ${devices === 1 ? 'has' : 'have'} ended. The last:`,
    ...latest.slice(-MOST_ENDED).map((device) => `  ${clock(device.endedAt)}  ${endedText(device, ownNetns)}`),
  ];
}

function endedText(device: LossSummary['ended']['latest'][number], ownNetns: number | undefined): string {
  const { netns, namespace, name, owner, livedAtMost, seenFor, counts } = device;
  const most = livedAtMost === undefined ? '' : `lived ${livedAtMost.toFixed(1)} s at most, `;
  const life = seenFor === undefined ? `${most}no look saw it` : `was seen for ${seenFor.toFixed(0)} s`;
  const where = deviceOf({ netns, namespace, device: name || '(no name)' }, ownNetns);
  const packets = `${counts.delivered} delivered, ${counts.received} from it`;
  return `${where} ${life}: ${packets}  ${owner ? whose(owner) : '-'}`;
}

function ownerOf({ owner }: LossSubject): string {
  return owner ? whose(owner) : '-';
}

function line(text: string): string {
  return `${visible(text).trimEnd()}\n`;
}
