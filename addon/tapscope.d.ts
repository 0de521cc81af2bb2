// SPDX-License-Identifier: Apache-2.0
// libbpf and netlink for Node; system.d.ts has the rest. Only src/kernel/native.ts imports this, and all other files use what native.ts exports. The
// addon compares the length of each byte array with what the kernel will read or write (EINVAL); types are TypeScript's.
//
// Errors: every failure throws (or rejects with) an Error whose message is "<action> <object>: <reason>", followed, where
// libbpf or the verifier said more, by its last 20 lines. `code` is the errno name ('EPERM'; 'ENOTSUPP' and 'ELIBBPF' are
// the kernel's and libbpf's own), `errno` its number, negative as in Node's own errors. What the caller named and the
// object lacks is ENOENT, use after close() EBADF, use before load() EINVAL.
// Threads: everything but netlinkRequest() and namespaceFile() happens on the calling thread before it returns.

import type { AddedStruct, EnumValue, StructLayout, Variable } from './btf-types.d.ts';

export interface BpfProgram {
  readonly name: string;
  /** The text in SEC(), without a leading '?', which only says that load() leaves the program out by default. */
  readonly section: string;
}

export interface BpfMap {
  /** The name in libbpf: sections are maps too, '<first 8 bytes of the file's name>.bss'. '.bss' works as well. */
  readonly name: string;
  /** BPF_MAP_TYPE_… */
  readonly type: number;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value; of a per-CPU map, of one CPU's. */
  readonly valueSize: number;
  /** Bytes that lookup(), update() and entries() move for one value: of a per-CPU map, valueSize rounded up to 8 for each possible CPU. */
  readonly copySize: number;
  readonly maxEntries: number;
  /** BPF_F_… */
  readonly flags: number;
}

export interface ProgramInfo {
  readonly id: number;
  /** Runs, and nanoseconds in them, counted only while the kernel's BPF statistics are on. */
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  /** Runs skipped because the program was running on this CPU already; always counted. */
  readonly recursionMisses: bigint;
}

/**
 * One libbpf object file: opened by the constructor, then adjusted, then loaded once, then used. It owns its links, maps
 * and programs until close(); garbage collection closes it too, so keep a reference.
 */
export class BpfObject {
  /**
   * `file`: in place of what lies at `path`, whose name it keeps. `types`: a descriptor of a file of types, open until load(), which
   * are the kernel's for what the programs read (CO-RE).
   */
  constructor(path: string, file?: Uint8Array, types?: number);
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];

  // Before load()

  setMaxEntries(map: string, entries: number): void;
  /** Cuts a section ('.bss') or any map's values to so many bytes; EINVAL if they were fewer. Variables behind go. */
  setValueSize(map: string, bytes: number): void;
  /** This object's map becomes the one of the same name that `from` has loaded; type and sizes must agree. */
  reuseMap(map: string, from: BpfObject): void;
  /** Sets a global variable, mostly a `const volatile` of .rodata, found by the object's BTF; EINVAL if sizes differ. */
  setVariable(name: string, bytes: Uint8Array): void;
  setAutoload(program: string, load: boolean): void;
  /** BPF_TRACE_… where the section's name does not say it. */
  setAttachType(program: string, type: number): void;
  /**
   * Creates the maps and loads the programs with autoload, all or nothing; a refusal names the program. Only once. Functions that
   * programs attach to are looked for in these modules, in this order, then in the kernel proper.
   */
  load(modules: readonly string[]): void;

  // After load()

  /** Attaches it as its section says. It stays until the link's detach() or close(), even if the link is not kept. */
  attach(program: string): BpfLink;
  /**
   * The memory of an array with BPF_F_MMAPABLE or of a section, live and read-only: a store into it kills the process,
   * so only MapView may hold it. Values lie at multiples of 8. Valid after close(); unmapped by garbage collection.
   */
  mapBuffer(map: string): ArrayBuffer;
  /** Fills `value`, of copySize bytes; false if there is no such key. */
  lookup(map: string, key: Uint8Array, value: Uint8Array): boolean;
  /** `flags`: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
  update(map: string, key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** False if there was no such key. */
  remove(map: string, key: Uint8Array): boolean;
  /** Fills both with all entries, packed, values of copySize; returns their number, ENOSPC if they do not fit. */
  entries(map: string, keys: Uint8Array, values: Uint8Array): number;
  /** Runs a SEC("syscall") program; it reads and writes `context`. Returns the program's int. */
  testRun(program: string, context: Uint8Array): number;
  /** Runs a SEC("iter/…") program to its end and returns what it wrote. */
  iterate(program: string): Uint8Array;
  programInfo(program: string): ProgramInfo;
  /** A consumer of its own; a ring should have only one. Lives on after close(). */
  ringBuffer(map: string): RingBuffer;
  /** The object's own types, copied: valid after close(). Before load() too. */
  btf(): Btf;
  /** Detaches and unloads; may be called again. */
  close(): void;
}

/**
 * The types of the running kernel with these structs behind them, each of which may use those before: a descriptor of a file in memory,
 * which the caller closes. ENOENT: a field's type is unknown.
 */
export function typesWithStructs(structs: readonly AddedStruct[]): number;

export class BpfLink {
  private constructor();
  /** May be called again, and after the object's close(). */
  detach(): void;
}

export interface Drained {
  /** Written to `into`. */
  readonly records: number;
  /** Used of `into`. */
  readonly bytes: number;
  /** Taken out and lost, because they alone are longer than `into`; counted against the budget too. */
  readonly dropped: number;
}

export class RingBuffer {
  private constructor();
  /**
   * Moves records to `into`, each as a u32 length (host order), the payload, and zeros up to a multiple of 8 payload bytes;
   * the next one follows at once. Stops after `budget` records or before the first that finds no room, and keeps the rest.
   */
  drain(into: Uint8Array, budget: number): Drained;
  /** Calls `hear` when a program wakes its readers and records lie there; then again only after a drain(). Keeps no process alive. */
  listen(hear: () => void): void;
  close(): void;
}

export class Btf {
  private constructor();
  /** Types of the running kernel, or those that one of its modules adds; ENOENT if it is not loaded or built in. */
  static kernel(module?: string): Btf;
  /** A struct or union. */
  struct(name: string): StructLayout | undefined;
  enumValues(name: string): readonly EnumValue[] | undefined;
  functionArgs(name: string): number | undefined;
  /** Arguments of a typedef of a pointer to function: 'btf_trace_kfree_skb' (its first is the BPF context's). */
  typedefFuncArgs(name: string): number | undefined;
  /** Global variables of a section ('.bss'); none if there is no such section. */
  variables(section: string): readonly Variable[];
  /** Loads the smallest program at the entry of a function of the running kernel; throws the kernel's refusal. */
  tryTracing(name: string): void;
  /** Gives megabytes back now, not at some garbage collection; may be called again. */
  close(): void;
}

/** While one is open, the kernel counts runs and time of BPF programs (of all: it costs each run some 20 ns). */
export class RunStatistics {
  constructor();
  /** May be called again. */
  close(): void;
}

export interface TextSymbol {
  /** Without what the compiler appended (`.isra.0`, `.constprop.0`, `.cold`). */
  readonly name: string;
  /** The compiler appended nothing to the name. */
  readonly whole: boolean;
  readonly start: bigint;
  /** The start of the next function; undefined for the last. */
  readonly end?: bigint;
}

/**
 * The functions with these names in a file of /proc/kallsyms' format, and variables with those of `data`, in its order;
 * addresses are 0 where they are hidden. `file`: its path, or a descriptor, which is read from its beginning.
 */
export function textSymbols(
  file: string | number,
  names: readonly string[],
  data?: readonly string[],
): readonly TextSymbol[];

/** The nearest function at or below each address, by its name without what the compiler appended; undefined: there is none. */
export function textSymbolsAt(file: string | number, addresses: BigUint64Array): readonly (string | undefined)[];

/**
 * Sends one message of rtnetlink or nfnetlink, nlmsghdr included (the addon numbers it), on a socket opened in the namespace `netnsPath`
 * (its bytes, without NUL; undefined: the process's own), on the addon's own thread, one request at a time. Resolves with the reply's messages,
 * one after the other, without NLMSG_DONE; a lone acknowledgement is empty. Socket and namespace are closed by then.
 * Rejects with the kernel's errno, with ETIMEDOUT after 2 s of silence, with EINTR when a dump was disturbed four times, with EMSGSIZE when the reply
 * is longer than `mostBytes` (a bridge may have 10 000 addresses, a router a million routes): the kernel makes no more of it then.
 * The thread starts with the first request and keeps the capabilities that the caller has then. A request under way keeps
 * Node alive, the thread without one does not.
 */
export function netlinkRequest(
  netnsPath: Uint8Array | undefined,
  message: Uint8Array,
  mostBytes?: number,
): Promise<Uint8Array>;

/**
 * The text of a file below /proc/net ("snmp"; EINVAL with a "/") of the namespace, read on the thread of netlinkRequest(), and the same errors. ENOENT:
 * the kernel has none of that name.
 */
export function namespaceFile(netnsPath: Uint8Array | undefined, name: string, mostBytes?: number): Promise<Uint8Array>;

/** 'v1.1', of the library that was found at run time. */
export const libbpfVersion: string;
