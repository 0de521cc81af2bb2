// SPDX-License-Identifier: Apache-2.0
// What addon/system has: processes and what they may do, the sockets between them, locks and counters of threads. Errors as in tapscope.d.ts.

/**
 * The process that listens on a unix socket, by the kernel (SO_PEERCRED) and not by its answer.
 * undefined: none does, its backlog is full, or it is in no process namespace of ours. It sees a connection that closes at once.
 */
export function unixPeerPid(name: string): number | undefined;

/** The peer of this socket, by the kernel (SO_PEERCRED, SO_PEERGROUPS). */
export function unixPeer(socket: number): { readonly uid: number; readonly groups: readonly number[] };

/**
 * flock(2): an exclusive lock on the file of this descriptor, without waiting; false: another process holds it. The lock ends when
 * the descriptor is closed, also by the end of the process, however that comes.
 */
export function lockFile(fd: number): boolean;

/**
 * perf_event_open(2): a descriptor that counts an event of a thread on each CPU that it runs on, from now on; `type` and `config` as
 * linux/perf_event.h has them. A read gives three u64: the count, the time since, and for how much of it there was a counter.
 */
export function openPerfEvent(type: number, config: number, tid: number): number;

/** Samples where a thread is, on each CPU that it runs on, from now on, `hertz` times a second of the event; the first 32 768 of what addresses() did not take. */
export class PerfSampler {
  constructor(type: number, config: number, tid: number, hertz: number);
  /** The addresses of instructions, of the kernel and of programs, since the last call. */
  addresses(): BigUint64Array;
  close(): void;
}

/** What a second process may reach, where the kernel has Landlock. */
export interface Reach {
  /** It may open these files, and what is in these folders, for reading, and its own folder of /proc; no others. */
  readonly readable: readonly string[];
  /** TCP ports (Linux 6.7 or later): it may take, and connect to, no others. */
  readonly ports: { readonly taken: readonly number[]; readonly connected: readonly number[] };
}

export interface Second {
  readonly pid: number;
  /** The reading ends of its stdout and stderr. The caller closes them. */
  readonly outputs: readonly [number, number];
}

/**
 * Starts a program as a second process, in a session of its own. `descriptors` become 3, 4, … there; it has no others, but an
 * empty stdin and two pipes. It can never gain a right by executing a program, has no capability unless this process is root,
 * and is killed when this process ends. Throws where the kernel has Landlock and refuses the rules.
 */
export function startSecondProcess(
  program: string,
  words: readonly string[],
  descriptors: readonly number[],
  reach: Reach,
): Second;

/** This process becomes the program, with its words, under the same rules; 0 to 3 stay open. */
export function becomeConfined(words: readonly string[], reach: Reach): never;

/** The version of the kernel's Landlock; below 0, an errno: it has none (ENOSYS), it is switched off (EOPNOTSUPP), or a sandbox forbids it. */
export function landlockVersion(): number;
/** _exit(2): nothing of Node's own end comes. */
export function exitNow(code: number): never;

/** wait(2)'s status, once; undefined while it runs. */
export function endOfSecondProcess(pid: number): number | undefined;

/** malloc_trim(3): what the C library keeps of memory that was freed goes back to the kernel. Some milliseconds. */
export function giveMemoryBack(): void;

/**
 * For all threads of this process, and for good: it becomes the user without other groups, loses all capabilities, and may make the system
 * calls of a list alone (addon/system/allowed_calls.hh). Others get EPERM; ENOSYS where they are newer than the list. `parent`: the process is
 * killed when that one, which started it, ends. `connects`: it may make TCP and UDP sockets and connect them.
 */
export function confine(
  user: { readonly uid: number; readonly gid: number } | undefined,
  parent: number | undefined,
  connects: boolean,
): void;

/** For all threads of this process and what it starts, for good: they have these capabilities (capability.h) at most. */
export function keepCapabilities(numbers: readonly number[]): void;

/**
 * For all threads of this process and what it starts, for good: the system calls of the list of the process that counts alone. Without
 * `startsProcesses` no processes, programs, users and IP sockets. `hasRing`: libuv has an io_uring from its start on, and goes on with that one.
 */
export function refuseUnused(startsProcesses: boolean, hasRing: boolean): void;

/**
 * Writes what the descriptor takes at once, without a flag that others who share it would see; bytes that it took. EAGAIN: none. Of a pipe that
 * others write to as well it may wait, if they fill it at this moment.
 */
export function writeNow(descriptor: number, bytes: Uint8Array): number;

/** A descriptor that listens on this path, for this user and root only from its first moment. The caller closes it. */
export function listenUnix(path: string): number;

/** One datagram to the unix socket at this address ('@…': an abstract one), without waiting. */
export function sendToUnix(address: string, text: string): void;

/** A connection to the socket at this path. The caller closes it. */
export function connectUnix(path: string): number;

/** The process that wrote the next byte to a connectUnix(), by the kernel; 0: it is closed; undefined: no byte. */
export function peerOf(connection: number): number | undefined;

/** Two connected stream sockets. The caller closes them. */
export function socketPair(): [number, number];

/** unix(7), SCM_RIGHTS. */
export function sendDescriptor(socket: number, descriptor: number): void;

/** The next one that was sent; undefined: none is there. The caller closes it. */
export function receiveDescriptor(socket: number): number | undefined;
