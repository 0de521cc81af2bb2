// SPDX-License-Identifier: Apache-2.0
// The program's side of a device: reads that cut packets, sockets that overflow, writes that wait for a limit. Known of the part of a window in which somebody asked.
import type { Device } from '../../snapshot/device.ts';
import type { ProgramSide, ProgramSocket } from '../../snapshot/program.ts';
import { count, several } from '../format.ts';
import type { DeviceSpan, QueueSpan } from '../window.ts';
import { receivedFrom, refusedByHost } from './from-guest.ts';
import { type Loss, lossOf, severityOf } from './loss.ts';

/** In a shorter time, or with fewer samples, one hiccup would look like a rate. */
const LEAST_SECONDS = 3;
const FEWEST_SAMPLES = 4;
/** A state that most samples show is no moment's. */
const MOST = 0.5;

interface Seen {
  readonly device: Device;
  readonly side: ProgramSide;
  readonly at: number;
}

function seenOf({ steps, takenAt }: DeviceSpan): readonly Seen[] {
  return steps.flatMap((device, i) => {
    const { programSide: side } = device;
    return side ? [{ device, side, at: takenAt[i] ?? 0 }] : [];
  });
}

/** A socket beside the device, over the time in which it was seen. */
export interface SocketSpan {
  readonly socket: ProgramSocket;
  readonly seconds: number;
  readonly samples: number;
  /** Packets that it dropped, of these and those that its program wrote to the device meanwhile. */
  readonly loss: Loss;
  /** The largest share of its receive buffer that a sample found used: the kernel takes packets as long as it is below 1. */
  readonly fullest: number;
  /** Samples that found its send buffer full, or of unix datagrams the other end. */
  readonly fullToSend: number;
  /** Samples that found this end full of unix datagrams. */
  readonly fullToReceive: number;
}

/** Those that were seen for long enough. Some programs open another socket at the same port every now and then: that is the same one. */
export function socketsOf(device: DeviceSpan): readonly SocketSpan[] {
  const seen = seenOf(device);
  const latest = new Map(seen.flatMap(({ side }) => side.sockets).map((socket) => [placeOf(socket), socket]));
  return [...latest.values()].flatMap((socket) => socketSpan(socket, seen) ?? []);
}

function placeOf({ inode, netns, pid, kind, localPort }: ProgramSocket): string {
  return `${pid} ${netns} ${kind} ${localPort > 0 ? `port ${localPort}` : inode}`;
}

function socketSpan(socket: ProgramSocket, seen: readonly Seen[]): SocketSpan | undefined {
  const place = placeOf(socket);
  const states = seen.flatMap(({ device, side, at }) =>
    side.sockets.filter((one) => placeOf(one) === place).map((then) => ({ device, then, at })),
  );
  const [first, last] = [states[0], states.at(-1)];
  if (!first || !last || states.length < FEWEST_SAMPLES || last.at - first.at < LEAST_SECONDS) return undefined;
  const dropped = droppedBy(states);
  const written = (last.device.counters?.rxPackets ?? 0) - (first.device.counters?.rxPackets ?? 0);
  return {
    socket,
    seconds: last.at - first.at,
    samples: states.length,
    loss: lossOf(dropped, Math.max(0, written), last.at - first.at),
    fullest: Math.max(...states.map(({ then }) => (then.receiveLimit > 0 ? then.received / then.receiveLimit : 0))),
    fullToSend: states.filter(({ then }) => isFullToSend(then)).length,
    fullToReceive: states.filter(({ then }) => then.isFull).length,
  };
}

/** Who waits for room in TCP’s buffer goes on when a third of it is free (sk_stream_is_writeable). */
const TCP_WAITS = 2 / 3;

function isFullToSend({ kind, sent, sendLimit, isPeerFull }: ProgramSocket): boolean {
  return isPeerFull === true || (sendLimit > 0 && sent >= sendLimit * (kind === 'TCP' ? TCP_WAITS : 1));
}

/** Of a socket that took another’s place all drops are of this time. */
function droppedBy(states: readonly { readonly then: ProgramSocket; readonly at: number }[]): number {
  const begun = new Map<number, number>();
  const ended = new Map<number, number>();
  for (const { then, at } of states) {
    const isLater = at > (states[0]?.at ?? at);
    if (!begun.has(then.inode)) begun.set(then.inode, isLater ? 0 : then.drops);
    ended.set(then.inode, then.drops);
  }
  return [...ended].reduce((sum, [inode, drops]) => sum + Math.max(0, drops - (begun.get(inode) ?? 0)), 0);
}

/** Its send buffer was full in most samples, and sends were refused or had to wait. */
export function waitsToSend({ socket, samples, fullToSend }: SocketSpan): boolean {
  // The kernel does not note it of TCP and of a unix socket's other end: sends wait, or are refused, whenever that is full.
  const isHeld = socket.hasRefused || socket.kind === 'TCP' || socket.isPeerFull;
  // A parent or child may well be what sends to the device.
  return isHeld === true && !socket.isRelative && fullToSend >= MOST * samples;
}

/** Whoever sends unix datagrams to it is refused, or waits, most of the time. */
export function takesNone({ samples, fullToReceive }: SocketSpan): boolean {
  return fullToReceive >= MOST * samples;
}

/** What the readers of a device got, against what the kernel handed out. */
export interface Reads {
  readonly packets: number;
  /** Bytes of these packets and the headers before them. */
  readonly handedOut: number;
  /** Bytes that its readers got at most, of this device and of all else that they read. */
  readonly got: number;
  /** Bytes that no reader can have got: certain. */
  readonly cut: number;
  /** They read much else too, or may: a smaller cut would not show. */
  readonly hidesCuts: boolean;
  readonly seconds: number;
  readonly side: ProgramSide;
}

/** A read that returns at this microsecond may have been counted by the device alone: one for each thread; where these are not known, so many. */
const UNKNOWN_THREADS = 2;
/** With a virtio-net header a packet may be a segment of the largest size. */
const LARGEST_SEGMENT = 65_550;
/** Ethernet header and VLAN tag. */
const LINK_HEADER = 18;
/** Fewer bytes a packet were read by something else: an event's counter has 8. */
const LEAST_PER_PACKET = 16;
const FEWEST_PACKETS = 50;
/** Other reads beside those of the device, as a share of these. */
const MUCH_ELSE = 0.02;

/** undefined: it cannot be told. */
export function readsOf(device: DeviceSpan): Reads | undefined {
  const seen = seenOf(device).flatMap(({ device: state, side, at }) =>
    side.reads && state.counters ? [{ side, reads: side.reads, counters: state.counters, at }] : [],
  );
  const last = seen.at(-1);
  const first = seen.find(({ reads }) => reads.readers === last?.reads.readers);
  if (!first || !last || last.at - first.at < LEAST_SECONDS) return undefined;
  const { vnetHeader } = device.now;
  const { mtu = 0, readHeader = 0 } = last.side;
  const packets = last.counters.txPackets - first.counters.txPackets;
  const handedOut = last.counters.txBytes - first.counters.txBytes + packets * readHeader;
  // The account begins before the device's counters were read and ends behind them: it has every packet between.
  const got = last.reads.bytes - first.reads.bytesBefore;
  const gotWithin = last.reads.bytesBefore - first.reads.bytes;
  const calls = last.reads.calls - first.reads.callsBefore;
  const threads = last.reads.threads || UNKNOWN_THREADS;
  if (packets < FEWEST_PACKETS || calls + threads < packets || got < packets * LEAST_PER_PACKET) return undefined;
  const largest = (vnetHeader ? LARGEST_SEGMENT : mtu + LINK_HEADER) + readHeader;
  const underWay = threads * largest;
  return {
    packets,
    handedOut,
    got,
    cut: Math.max(0, handedOut - got - underWay),
    hidesCuts: gotWithin > handedOut * (1 + MUCH_ELSE),
    seconds: last.at - first.at,
    side: last.side,
  };
}

/** A write buffer of a queue, over the time in which it was seen. */
export interface SendSpan {
  readonly limit: number;
  readonly samples: number;
  /** Samples that found it so full that the next write is refused, or that its writer waits for room. */
  readonly full: number;
  /** Bytes. */
  readonly mostInFlight: number;
}

/** The kernel's INT_MAX: a tap's own default. */
const NO_LIMIT = 2_147_483_647;

/** Of the limit: a packet may have left just now. */
const NEARLY = 0.9;

/** undefined: it has no limit, or none that holds up its writer for most of the time. */
export function heldUp({ steps }: QueueSpan): SendSpan | undefined {
  const sends = steps.flatMap(({ send }) => send ?? []);
  const last = sends.at(-1);
  if (!last || last.limit >= NO_LIMIT || sends.length < FEWEST_SAMPLES) return undefined;
  // A poll finds room below half of the limit.
  const full = sends.filter(
    ({ inFlight, limit, isAwaited }) => inFlight >= NEARLY * limit || (isAwaited && inFlight >= limit / 2),
  ).length;
  const isHeld = last.hasRefused || sends.some(({ isAwaited }) => isAwaited);
  if (!isHeld || full < MOST * sends.length) return undefined;
  return {
    limit: last.limit,
    samples: sends.length,
    full,
    mostInFlight: Math.max(...sends.map(({ inFlight }) => inFlight)),
  };
}

/** Packets longer than the buffer that most programs read into. */
const USUAL_BUFFER = 1500;

/** What the programs of a device wrote, to it and to all else. */
interface Writes {
  /** At least so many failed: each that does not took a byte or more, and those to the device all of their packet. */
  readonly failed: number;
  /** Packets that the device took. */
  readonly taken: number;
}

/** undefined: it cannot be told. */
function writesOf(device: DeviceSpan): Writes | undefined {
  const seen = seenOf(device).flatMap(({ device: state, side, at }) =>
    side.writes && state.counters ? [{ side, writes: side.writes, counters: state.counters, at }] : [],
  );
  const last = seen.at(-1);
  const first = seen.find(({ writes }) => writes.writers === last?.writes.writers);
  if (!first || !last || last.at - first.at < LEAST_SECONDS) return undefined;
  const taken = last.counters.rxPackets - first.counters.rxPackets;
  const bytes = last.counters.rxBytes - first.counters.rxBytes + taken * (last.side.readHeader ?? 0);
  const others = last.writes.bytes - first.writes.bytesBefore - bytes;
  const calls = last.writes.callsBefore - first.writes.calls - taken;
  return { failed: Math.max(0, calls - Math.max(0, others)), taken };
}

const FEWEST_FAILED = 50;
const FAILED_SHARE = 0.2;

/** tun refuses frames shorter than their virtio-net header says in no counter; other refusals are told by rules. */
function failedWrites(device: DeviceSpan): readonly string[] {
  const { failed, taken } = writesOf(device) ?? { failed: 0, taken: 0 };
  const isMuch = failed >= FEWEST_FAILED && failed >= FAILED_SHARE * (failed + taken);
  if (!isMuch) return [];
  return [
    `at least ${several(failed, 'write')} of its program failed, and it took ${several(taken, 'packet')}: if they were to the device, it refused them (EINVAL: a virtio-net header that is missing or damaged); strace -e write shows it`,
  ];
}

/** What could not be seen of the program's side, for an answer that finds nothing wrong. */
export function programDoubts(device: DeviceSpan): readonly string[] {
  return [...failedWrites(device), ...shiftedDoubt(device), ...cutDoubt(device)];
}

/** Frames of no protocol that is known: nobody has a use for them. */
const OF_NO_PROTOCOL: readonly string[] = ['UNHANDLED_PROTO', 'PTYPE_ABSENT'];
const NEARLY_ALL = 0.9;

/** Behind a header of the wrong length a frame's address is any bytes: half of these are groups, and what is for a group is no loss. */
function shiftedDoubt(device: DeviceSpan): readonly string[] {
  const header = seenOf(device).at(-1)?.side.readHeader ?? 0;
  const unknown = refusedByHost(
    device,
    ({ unwanted, reason, location }) =>
      unwanted === true && (OF_NO_PROTOCOL.includes(reason) || location.startsWith('llc_')),
  );
  const loss = lossOf(unknown, Math.max(0, receivedFrom(device) - unknown), device.seconds);
  if (header === 0 || !severityOf(loss) || loss.share < NEARLY_ALL) return [];
  return [
    `${several(unknown, 'packet')} of ${count(loss.offered)} from it are for groups, and of no protocol that the host knows: as when the ${header} bytes of header are missing that its program has to write before each`,
  ];
}

function cutDoubt(device: DeviceSpan): readonly string[] {
  const side = seenOf(device).at(-1)?.side;
  if (!side) return [];
  const reads = readsOf(device);
  const areLong = (side.mtu ?? 0) > USUAL_BUFFER && !device.now.vnetHeader && longPackets(device);
  if (!areLong) return [];
  if (reads && !reads.hidesCuts) return [];
  const why = reads
    ? 'its program reads much else beside it'
    : (side.unreadable[0] ?? 'what its program read is in no account of the kernel’s');
  return [`its packets are longer than 1 500 bytes, and ${why}: whether reads cut them is not known`];
}

function longPackets({ before, now }: DeviceSpan): boolean {
  const packets = (now.counters?.txPackets ?? 0) - (before.counters?.txPackets ?? 0);
  const bytes = (now.counters?.txBytes ?? 0) - (before.counters?.txBytes ?? 0);
  return packets >= FEWEST_PACKETS && bytes > packets * USUAL_BUFFER;
}
