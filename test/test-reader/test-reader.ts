// SPDX-License-Identifier: Apache-2.0
// The test reader from TypeScript: one method a command of test/test-reader/test-reader.c, each resolves with its exact counts.
import { type ChildProcess, spawn } from 'node:child_process';
import { type Ask, endChild, lineProtocol } from '../../bench/traffic/line-protocol.ts';
import { at, numberAt, numbersAt } from '../host/checked-json.ts';

/** How often each errno was met, by name. */
export type Errors = Readonly<Record<string, number>>;
export type QueueFlag = 'mq' | 'persist' | 'vnet' | 'backpressure' | 'pi';

interface ReadCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: Errors;
}

export interface SendCounts {
  readonly sent: number;
  /** Frames that were sent, and frames refused with any errno. */
  readonly tried: number;
  readonly errors: Errors;
}

interface WriteOptions {
  /** badheader: a virtio-net header with an unknown segmentation; fault: a frame at no address; noip: of no IP version. */
  readonly wrong?: 'badheader' | 'fault' | 'noip';
  /** Writes only so many bytes of the frame. */
  readonly cut?: number;
  /** Sends to 02:00:00:00:00:01 and not to all. */
  readonly unicast?: boolean;
  /** Source addresses that take turns, of a tun. */
  readonly flows?: number;
}

export interface WriteCounts {
  readonly written: number;
  readonly errors: Errors;
}

export interface TestReader {
  readonly pid: number;
  open(id: string, device: string, kind: 'tun' | 'tap' | 'macvtap', ...flags: readonly QueueFlag[]): Promise<void>;
  close(id: string): Promise<void>;
  /** TUNSETQUEUE: the queue leaves the device, its descriptor stays. */
  detach(id: string): Promise<void>;
  attach(id: string): Promise<void>;
  persist(id: string, on: boolean): Promise<void>;
  /** The senders' `queue` option chooses the queue, modulo the number of queues. */
  steer(id: string, on: boolean): Promise<void>;
  /** Reads without waiting, until the queue is empty or `count` packets were read. */
  read(id: string, count: number | 'all'): Promise<ReadCounts>;
  /** Reads at most `count` packets into a buffer of so many bytes: the kernel cuts off what does not fit. */
  readShort(id: string, count: number, bytes: number): Promise<{ readonly packets: number; readonly bytes: number }>;
  /** A UDP socket that is never read, until the test reader ends; SO_RCVBUF. With `child` a child of the test reader alone has it; `tcp`: a TCP socket instead, whose accept queue is full. */
  listen(port: number, bytes: number, ...whose: readonly ('child' | 'tcp')[]): Promise<void>;
  /** Reads into a buffer that does not exist: on a queue opened with `vnet` the packet is lost with EFAULT. */
  readBad(id: string, count: number): Promise<{ readonly packets: number; readonly errors: Errors }>;
  /** Reads in the background, at most `packetsPerSecond` (0: all), until `stop` answers with the counts; computes after each, and reads so many bytes of it. */
  readLoop(id: string, packetsPerSecond: number, workMicroseconds?: number, bytes?: number): Promise<void>;
  /** Reads in the background, and sends on by a socket of its own, which waits where it is full; drained: the other end is read. */
  relay(id: string, by: 'tcp' | 'unix', ...end: readonly 'drained'[]): Promise<void>;
  stop(id: string): Promise<ReadCounts>;
  udp(to: string, port: number, count: number, size: number, options?: UdpOptions): Promise<SendCounts>;
  packet(device: string, count: number, size: number, options?: PacketOptions): Promise<SendCounts>;
  /** Guest to host. */
  write(id: string, count: number, size: number, options?: WriteOptions): Promise<WriteCounts>;
  /** TUNSETSNDBUF: bytes of written packets that the host may hold before it refuses more. */
  sndbuf(id: string, bytes: number): Promise<void>;
  /** Writes one frame of test/host/frames.ts so many times, behind the headers that the queue wants. */
  frame(id: string, count: number, bytes: Buffer): Promise<WriteCounts>;
  /** A UDP socket of both families that nobody reads, with a receive buffer of so many bytes (the kernel doubles them). */
  bind(port: number, bytes: number): Promise<void>;
  /** Sends in the background, at most `perSecond`, until `unstream` answers. */
  stream(id: string, device: string, perSecond: number, size: number, options?: StreamOptions): Promise<void>;
  unstream(id: string): Promise<SendCounts>;
  /** Sets a link up or down in the test reader's namespace, without another process. */
  link(device: string, state: 'up' | 'down'): Promise<void>;
  /** Sets txqueuelen. */
  length(device: string, packets: number): Promise<void>;
  /** Resolves when the device's qdisc sends: a carrier that came gets there by a work item. */
  running(device: string): Promise<void>;
  /** Small frames to an Ethernet device, by a socket that stays open. */
  frames(device: string, count: number, queue: number): Promise<SendCounts>;
  /** Sends answers of rtnetlink to the socket of another process in this namespace; returns how many were taken. */
  forge(pid: number, seconds: number): Promise<number>;
  /** Sets which frames the device drops; passing: a filter is there, and drops none. */
  filter(id: string, what: 'none' | 'all' | 'address' | 'passing'): Promise<void>;
  /** A packet socket that is never read; mapped: with a ring, as tcpdump has. */
  sniff(device: string, on: boolean, ...how: readonly 'mapped'[]): Promise<void>;
  /** Native XDP sends what comes in by one device out by the other, until the test reader ends. */
  redirect(from: string, to: string): Promise<void>;
  /** An XDP program that answers so for all that comes in by the device, until the test reader ends; generic: behind the driver. */
  xdp(device: string, answer: 'drop' | 'aborted' | 'pass' | 'half', ...mode: readonly 'generic'[]): Promise<void>;
  /** A BPF program of tc that is attached without a qdisc (Linux 6.6), until the test reader ends; half: of the packets, at random. */
  tcx(device: string, hook: 'ingress' | 'egress', answer: 'drop' | 'pass' | 'half'): Promise<void>;
  /**
   * A virtio-net guest by the real vhost-net, on a queue opened with `vnet`. It posts no buffers yet: vhost-net takes up
   * to a batch (64) out of the ring and keeps it.
   */
  guest(id: string, options?: GuestOptions): Promise<void>;
  /** What vhost-net holds goes back into the ring, as far as there is room. */
  unguest(id: string): Promise<GuestCounts>;
  /** Posts so many buffers to receive into. */
  offer(id: string, buffers: number): Promise<void>;
  /** Posts buffers in the background, at most `perSecond` (0: all), `lump` at a time, until `stall` answers. */
  receive(id: string, perSecond: number, options?: { readonly lump?: number }): Promise<void>;
  /** Buffers that were posted stay posted. */
  stall(id: string): Promise<GuestCounts>;
  /** The guest's counts while it does not receive in the background. */
  received(id: string): Promise<GuestCounts>;
  /** Guest to host, `batch` frames a kick; resolves when vhost-net has given all buffers back, or after `waitMs`. */
  send(id: string, count: number, size: number, options?: GuestSendOptions): Promise<GuestSent>;
  /** SIGSTOP, SIGCONT, SIGKILL… The stopped test reader answers when it is continued. */
  signal(name: NodeJS.Signals): void;
  quit(): Promise<void>;
}

interface GuestOptions {
  /** Entries of each of its two rings, a power of two. */
  readonly entries?: number;
  /** Bytes, with the header of 12. */
  readonly buffer?: number;
}

/** Counts since the guest came. */
export interface GuestCounts {
  readonly packets: number;
  readonly bytes: number;
  /** Buffers posted. */
  readonly posted: number;
}

interface GuestSendOptions {
  /** Headers with an unknown segmentation. */
  readonly badHeader?: boolean;
  readonly batch?: number;
  readonly waitMs?: number;
  /** Sends to an unused address, instead of to all. */
  readonly unicast?: boolean;
}

interface GuestSent {
  /** Frames of this call. */
  readonly posted: number;
  /** Buffers that vhost-net has not given back. */
  readonly outstanding: number;
  /** Counts since the guest came. */
  readonly kicks: number;
}

interface UdpOptions {
  readonly flows?: number;
  readonly queue?: number;
}

interface PacketOptions {
  readonly bypass?: boolean;
  /** Sends to 02:00:00:00:00:01 and not to all. */
  readonly unicast?: boolean;
  readonly queue?: number;
}

export interface StreamOptions {
  /** Frames that are sent at a time. */
  readonly lump?: number;
  /** The first queue; see steer. */
  readonly queue?: number;
  /** The number of queues, which take turns. */
  readonly queues?: number;
  readonly unicast?: boolean;
  /** An IPv4 packet in an Ethernet frame. */
  readonly ipv4?: boolean;
  /** Each frame says that it is to leave so many seconds later (SO_TXTIME). */
  readonly ahead?: number;
}

export async function startTestReader(file: string, args: readonly string[]): Promise<TestReader> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ask = lineProtocol(child, 'TestReader');
  await ask('sleep 0');
  return testReader(child, ask);
}

function testReader(child: ChildProcess, ask: Ask): TestReader {
  const tell = async (...words: readonly (string | number)[]): Promise<void> => {
    await ask(words.join(' '));
  };
  const onOff = (on: boolean): string => (on ? 'on' : 'off');
  return {
    pid: child.pid ?? 0,
    open: (id, device, kind, ...flags) => tell('open', id, device, kind, ...flags),
    close: (id) => tell('close', id),
    detach: (id) => tell('detach', id),
    attach: (id) => tell('attach', id),
    persist: (id, on) => tell('persist', id, onOff(on)),
    steer: (id, on) => tell('steer', id, onOff(on)),
    read: async (id, count) => readCounts(await ask(`read ${id} ${count}`)),
    readShort: async (id, count, bytes) =>
      numbersAt(await ask(`readshort ${id} ${count} ${bytes}`), 'packets', 'bytes'),
    relay: (id, by, ...end) => tell('relay', id, by, ...end),
    listen: (port, bytes, ...whose) => tell('listen', port, bytes, ...whose),
    readBad: async (id, count) => {
      const answer = await ask(`readbad ${id} ${count}`);
      return { packets: numberAt(answer, 'packets'), errors: errorsOf(answer) };
    },
    readLoop: (id, packetsPerSecond, work = 0, bytes = 65_600) =>
      tell('readloop', id, packetsPerSecond, `work=${work}`, `buffer=${bytes}`),
    stop: async (id) => readCounts(await ask(`stop ${id}`)),
    udp: async (to, port, count, size, { flows = 1, queue = 0 } = {}) =>
      sendCounts(await ask(`udp ${to} ${port} ${count} ${size} flows=${flows} queue=${queue}`)),
    packet: async (device, count, size, { bypass = false, unicast = false, queue = 0 } = {}) =>
      sendCounts(
        await ask(
          `packet ${device} ${count} ${size} queue=${queue}${bypass ? ' bypass' : ''}${unicast ? ' unicast' : ''}`,
        ),
      ),
    write: async (id, count, size, { wrong = '', cut = size, unicast = false, flows = 1 } = {}) => {
      const answer = await ask(
        `write ${id} ${count} ${size} cut=${cut} flows=${flows} ${wrong}${unicast ? ' unicast' : ''}`,
      );
      return { written: numberAt(answer, 'written'), errors: errorsOf(answer) };
    },
    sndbuf: (id, bytes) => tell('sndbuf', id, bytes),
    frame: async (id, count, bytes) => {
      const answer = await ask(`frame ${id} ${count} ${bytes.toString('hex')}`);
      return { written: numberAt(answer, 'written'), errors: errorsOf(answer) };
    },
    bind: (port, bytes) => tell('bind', port, bytes),
    redirect: (from, to) => tell('redirect', from, to),
    xdp: (device, answer, ...mode) => tell('xdp', device, answer, ...mode),
    tcx: (device, hook, answer) => tell('tcx', device, hook, answer),
    guest: (id, { entries = 256, buffer = 2048 } = {}) => tell('guest', id, `entries=${entries}`, `buffer=${buffer}`),
    unguest: async (id) => guestCounts(await ask(`unguest ${id}`)),
    offer: (id, buffers) => tell('offer', id, buffers),
    receive: (id, perSecond, { lump = 1 } = {}) => tell('receive', id, perSecond, `lump=${lump}`),
    stall: async (id) => guestCounts(await ask(`stall ${id}`)),
    received: async (id) => guestCounts(await ask(`received ${id}`)),
    send: async (id, count, size, { badHeader = false, batch = 32, waitMs = 30_000, unicast = false } = {}) => {
      const words = `${id} ${count} ${size} batch=${batch} wait=${waitMs}`;
      const flags = `${badHeader ? ' badheader' : ''}${unicast ? ' unicast' : ''}`;
      return numbersAt(await ask(`send ${words}${flags}`), 'posted', 'outstanding', 'kicks');
    },
    stream: (id, device, perSecond, size, options = {}) => {
      const { lump = 1, queue = 0, queues = 1, unicast = false, ipv4 = false, ahead = 0 } = options;
      const flags = `${unicast ? ' unicast' : ''}${ipv4 ? ' ipv4' : ''}`;
      const numbers = `lump=${lump} queue=${queue} queues=${queues} ahead=${ahead}`;
      return tell('stream', id, device, perSecond, size, `${numbers}${flags}`);
    },
    unstream: async (id) => sendCounts(await ask(`unstream ${id}`)),
    link: (device, state) => tell('link', device, state),
    length: (device, packets) => tell('length', device, packets),
    running: (device) => tell('running', device),
    frames: async (device, count, queue) => sendCounts(await ask(`frames ${device} ${count} queue=${queue}`)),
    forge: async (of, seconds) => numberAt(await ask(`forge ${of} ${seconds}`), 'sent'),
    filter: (id, what) => tell('filter', id, what),
    sniff: (device, on, ...how) => tell('sniff', device, onOff(on), ...how),
    signal: (name) => void child.kill(name),
    quit: () => endChild(child),
  };
}

function readCounts(answer: unknown): ReadCounts {
  return { ...numbersAt(answer, 'packets', 'bytes'), errors: errorsOf(answer) };
}

function guestCounts(answer: unknown): GuestCounts {
  return numbersAt(answer, 'packets', 'bytes', 'posted');
}

function sendCounts(answer: unknown): SendCounts {
  const sent = numberAt(answer, 'sent');
  const errors = errorsOf(answer);
  const refused = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return { sent, tried: sent + refused, errors };
}

function errorsOf(answer: unknown): Errors {
  const errors = at(answer, 'errors');
  if (typeof errors !== 'object' || errors === null) {
    throw new Error(`Expected errors in ${JSON.stringify(answer)}.`);
  }
  return Object.fromEntries(Object.keys(errors).map((name) => [name, numberAt(errors, name)]));
}
