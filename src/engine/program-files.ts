// SPDX-License-Identifier: Apache-2.0
// The files of the programs that hold queues, read by an iterator over descriptors while a person asks: the queues and their send buffers, and sockets.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import { cString } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { ProgramSocket, SendBuffer, SocketKind } from '../snapshot/program.ts';
import type { Probes } from './attach.ts';
import type { LoadedPrograms } from './programs.ts';
import type { Question } from './question.ts';

const FIELDS = [
  'object',
  'file',
  'started',
  'inode',
  'drops',
  'pid',
  'holder',
  'kind',
  'netns',
  'family',
  'type',
  'protocol',
  'port',
  'received',
  'receive_limit',
  'sent',
  'send_limit',
  'send_flags',
  'mtu',
  'vnet_header',
  'comm',
] as const;
type Field = (typeof FIELDS)[number];

const KINDS = ['QUEUE', 'SOCKET', 'RING'] as const;
const COMM_BYTES = 16;
/** sys/socket.h, netinet/in.h. */
const AF_UNIX = 1;
const AF_INET = [2, 10];
const AF_PACKET = 17;
const SOCK_RAW = 3;
const PROTOCOLS: ReadonlyMap<number, SocketKind> = new Map([
  [6, 'TCP'],
  [17, 'UDP'],
  [136, 'UDP'], // UDP-Lite
]);
/** enum send_flag of bpf/readers/program-files.bpf.c. */
const SEND_REFUSED = 1;
const SEND_WAITS = 2;
const PEER_FULL = 4;
const RECEIVE_FULL = 8;
const LISTENS = 16;
/** As many as MOST_FILES there: of a process with more, not all are known. */
const MOST_FILES = 256;
/** An iteration over a host's descriptors takes at most this share of the time. */
const SHARE = 0.1;

/** A queue's file: one descriptor's, or that of several processes. */
export interface QueueFile {
  readonly send: SendBuffer;
  /** Bytes; 0: not known. */
  readonly mtu: number;
  readonly vnetHeader: number;
  readonly holders: readonly ProgramFiles[];
}

/** A process that holds queues. */
export interface ProgramFiles {
  readonly pid: number;
  /** ns since boot: with the number, this process and no other. */
  readonly started: bigint;
  /** Its own, and those of its parent and children that run the same program. */
  readonly sockets: readonly ProgramSocket[];
  /** It has a file open by which packets are taken without read(), such as an io_uring: no account of reads has those. */
  readonly hasRing: boolean;
  /** It has more files than are looked at. */
  readonly hasMore: boolean;
}

export class QueueFiles {
  readonly #question: Pick<Question, 'isOpen'>;
  readonly #object: BpfObject | undefined;
  readonly #layout: Layout<Field> | undefined;
  /** By tun_file or tap_queue, and file. */
  #queues: ReadonlyMap<string, QueueFile> | undefined;
  /** One iteration has noted who holds queues, before which no socket is known. */
  #runs = 0;
  #nextMs = 0;

  constructor({
    probes,
    programs,
    question,
  }: {
    readonly probes: Pick<Probes, 'can'>;
    readonly programs: Pick<LoadedPrograms, 'object' | 'objectOf'>;
    readonly question: Pick<Question, 'isOpen'>;
  }) {
    this.#question = question;
    if (!probes.can('program-files')) return;
    this.#object = programs.objectOf('program_files');
    this.#layout = layoutOf(this.#object.btf(), 'program_file', FIELDS);
  }

  get areRead(): boolean {
    return this.#queues !== undefined;
  }

  /** undefined: not read, or opened since. `object`: its tun_file or tap_queue. */
  find(object: bigint, file: bigint): QueueFile | undefined {
    return this.#queues?.get(`${object} ${file}`);
  }

  /** Once a sample: some milliseconds where it is read. */
  refresh(): void {
    if (!this.#question.isOpen || !this.#object || !this.#layout) {
      this.#queues = undefined;
      this.#runs = 0;
      return;
    }
    const began = performance.now();
    if (began < this.#nextMs) return;
    // The first run learns whose sockets are wanted.
    if (this.#runs === 0) this.#object.iterate('program_files');
    this.#runs += 1;
    this.#queues = queuesIn(this.#object.iterate('program_files'), this.#layout);
    const tookMs = performance.now() - began;
    this.#nextMs = began + tookMs / SHARE - tookMs;
  }
}

interface Read {
  readonly kind: (typeof KINDS)[number] | undefined;
  readonly process: string;
  readonly u32: (field: Field) => number;
  readonly u64: (field: Field) => bigint;
  readonly comm: string;
}

function queuesIn(bytes: Uint8Array, layout: Layout<Field>): ReadonlyMap<string, QueueFile> {
  const read = recordsIn(bytes, layout);
  const ofHolder = grouped(read, ({ u32 }) => u32('holder'));
  const programs = new Map(
    [...grouped(read, ({ process }) => process)].map(([process, files]) => [
      process,
      programOf(files, ofHolder.get(files[0]?.u32('pid') ?? 0) ?? []),
    ]),
  );
  const byQueue = grouped(
    read.filter(({ kind }) => kind === 'QUEUE'),
    ({ u64 }) => `${u64('object')} ${u64('file')}`,
  );
  return new Map(
    [...byQueue].flatMap(([key, files]) => {
      const [first] = files;
      if (!first) return [];
      const holders = [...new Set(files.map(({ process }) => process))].flatMap(
        (process) => programs.get(process) ?? [],
      );
      const { u32 } = first;
      return [[key, { send: sendOf(first), mtu: u32('mtu'), vnetHeader: u32('vnet_header'), holders }] as const];
    }),
  );
}

function grouped<K>(files: readonly Read[], keyOf: (file: Read) => K): ReadonlyMap<K, readonly Read[]> {
  const groups = new Map<K, Read[]>();
  for (const file of files) {
    const key = keyOf(file);
    const group = groups.get(key);
    if (group) group.push(file);
    else groups.set(key, [file]);
  }
  return groups;
}

function recordsIn(bytes: Uint8Array, { at, size }: Layout<Field>): readonly Read[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read: Read[] = [];
  for (let base = 0; base + size <= bytes.length; base += size) {
    const u32 = (field: Field): number => view.getUint32(base + at[field], true);
    const u64 = (field: Field): bigint => view.getBigUint64(base + at[field], true);
    const comm = cString(bytes.subarray(base + at.comm, base + at.comm + COMM_BYTES));
    read.push({ kind: KINDS[u32('kind')], process: `${u32('pid')} ${u64('started')}`, u32, u64, comm });
  }
  return read;
}

/** `family`: the files of all that have to do with its queue. */
function programOf(files: readonly Read[], family: readonly Read[]): ProgramFiles {
  const [first] = files;
  const others = files.filter(({ kind }) => kind !== 'QUEUE');
  const isOwn = ({ process }: Read): boolean => process === first?.process;
  // Of a socket that a child inherited, its own record stays.
  const sockets = new Map(
    [...family.filter((file) => !isOwn(file)), ...others].map((file) => [file.u64('file'), socketOf(file)]),
  );
  return {
    pid: first?.u32('pid') ?? 0,
    started: first?.u64('started') ?? 0n,
    sockets: [...sockets.values()].flatMap((socket) => socket ?? []).sort((a, b) => a.inode - b.inode),
    hasRing: others.some(({ kind }) => kind === 'RING'),
    hasMore: others.length >= MOST_FILES,
  };
}

function sendOf({ u32 }: Read): SendBuffer {
  const flags = u32('send_flags');
  return {
    inFlight: u32('sent'),
    limit: u32('send_limit'),
    hasRefused: (flags & SEND_REFUSED) !== 0,
    isAwaited: (flags & SEND_WAITS) !== 0,
  };
}

/** undefined: it is no socket that carries a program's packets. */
function socketOf(read: Read): ProgramSocket | undefined {
  const { u32, u64, comm } = read;
  const isRelative = u32('holder') !== u32('pid');
  const kind = read.kind === 'SOCKET' ? kindOf(u32('family'), u32('type'), u32('protocol')) : undefined;
  if (kind === undefined) return undefined;
  return {
    inode: Number(u64('inode')),
    pid: u32('pid'),
    comm,
    kind,
    localPort: kind === 'UDP' || kind === 'TCP' ? u32('port') : 0,
    ...(kind === 'packet' && { ifindex: u32('port') }),
    ...(isRelative && { isRelative }),
    netns: u32('netns'),
    drops: Number(u64('drops')),
    received: u32('received'),
    receiveLimit: u32('receive_limit'),
    sent: u32('sent'),
    sendLimit: u32('send_limit'),
    hasRefused: (u32('send_flags') & SEND_REFUSED) !== 0,
    ...((u32('send_flags') & PEER_FULL) !== 0 && { isPeerFull: true }),
    ...((u32('send_flags') & RECEIVE_FULL) !== 0 && { isFull: true }),
    ...((u32('send_flags') & LISTENS) !== 0 && { isListening: true }),
  };
}

/** Netlink and the like carry no packets. */
function kindOf(family: number, type: number, protocol: number): SocketKind | undefined {
  if (family === AF_UNIX) return 'unix';
  if (family === AF_PACKET) return 'packet';
  if (!AF_INET.includes(family)) return undefined;
  return type === SOCK_RAW ? 'raw' : PROTOCOLS.get(protocol);
}
