// SPDX-License-Identifier: Apache-2.0
// The one loader of the native addon. It is loaded at its first use, and what it trusts is checked here.
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { env } from 'node:process';
import type * as system from '../../addon/system.d.ts';
import type * as addon from '../../addon/tapscope.d.ts';
import { bytesOfName } from '../foreign-name.ts';
import { type Constants, withConstants } from './instruction-constants.ts';
import { MapView } from './map-view.ts';
import { withoutAtomics } from './older/atomics.ts';
import { type KernelLimits, NO_LIMITS } from './older/limits.ts';
import { packageRoot } from './package.ts';

export type { StructField } from '../../addon/btf-types.d.ts';
export type BpfLink = addon.BpfLink;
type BpfMap = addon.BpfMap;
export type TextSymbol = addon.TextSymbol;
type BpfProgram = addon.BpfProgram;
export type Btf = addon.Btf;
type Drained = addon.Drained;
type ProgramInfo = addon.ProgramInfo;

/** Ends the name of the program that stands for one that is run on request, where the kernel has no such (bpf/on-request.bpf.h). */
const UNATTACHED = '_unattached';
const REQUESTS = 'requests';

/** As addon/tapscope.d.ts says, without mapBuffer(), which only mapView() may see. Takes constants and limits, not the file. */
export class BpfObject {
  readonly #object: addon.BpfObject;
  /** Programs that are run on request, where a raw tracepoint's stands for each. */
  readonly #unattached: ReadonlySet<string>;
  #types: number | undefined;
  /** Sections by their short name too: '.bss'. */
  readonly #maps: ReadonlyMap<string, BpfMap>;

  constructor(path: string, constants?: Constants, limits: KernelLimits = NO_LIMITS) {
    const Native = native().BpfObject;
    if (constants || limits !== NO_LIMITS) {
      const file = withConstants(readFileSync(path), constants ?? new Map());
      if (limits.tunStructs) this.#types = native().typesWithStructs(limits.tunStructs);
      this.#object = new Native(path, limits.atomics ? file : withoutAtomics(file), this.#types);
    } else this.#object = new Native(path);
    this.#unattached = new Set(limits.syscallPrograms ? [] : this.#standIns());
    for (const name of this.#unattached) this.#object.setAutoload(name, false);
    const named = this.maps.flatMap((map) => [
      [map.name, map] as const,
      [map.name.replace(/^[^.]+(?=\.)/, ''), map] as const,
    ]);
    this.#maps = new Map(named);
  }

  get programs(): readonly BpfProgram[] {
    return this.#object.programs.filter(({ name }) => !name.endsWith(UNATTACHED));
  }

  get maps(): readonly BpfMap[] {
    return this.#object.maps;
  }

  setMaxEntries(map: string, entries: number): void {
    checkUint32('entries', entries);
    this.#object.setMaxEntries(map, entries);
  }

  setValueSize(map: string, bytes: number): void {
    checkUint32('bytes', bytes);
    this.#object.setValueSize(map, bytes);
  }

  reuseMap(map: string, from: BpfObject): void {
    this.#object.reuseMap(map, from.#object);
  }

  setVariable(name: string, bytes: Uint8Array): void {
    this.#object.setVariable(name, bytes);
  }

  setAutoload(program: string, load: boolean): void {
    this.#object.setAutoload(this.#standIn(program), load);
  }

  setAttachType(program: string, type: number): void {
    checkUint32('attach type', type);
    this.#object.setAttachType(program, type);
  }

  load(modules: readonly string[] = []): void {
    try {
      this.#object.load(modules);
    } finally {
      this.#closeTypes();
    }
  }

  attach(program: string): BpfLink {
    return this.#object.attach(program);
  }

  /** Live memory of an array with BPF_F_MMAPABLE or of a section; valid after close(). */
  mapView(map: string): MapView {
    return new MapView(this.#object.mapBuffer(map));
  }

  lookup(map: string, key: Uint8Array, value: Uint8Array): boolean {
    return this.#object.lookup(map, key, value);
  }

  update(map: string, key: Uint8Array, value: Uint8Array, flags = 0): void {
    checkUint32('flags', flags);
    this.#object.update(map, key, value, flags);
  }

  remove(map: string, key: Uint8Array): boolean {
    return this.#object.remove(map, key);
  }

  entries(map: string, keys: Uint8Array, values: Uint8Array): number {
    return this.#object.entries(map, keys, values);
  }

  testRun(program: string, context: Uint8Array): number {
    if (!this.#unattached.has(program)) return this.#object.testRun(program, context);
    const request = new Uint8Array(this.#maps.get(REQUESTS)?.valueSize ?? 0);
    const key = new Uint8Array(4);
    request.set(context);
    this.#object.update(REQUESTS, key, request);
    const result = this.#object.testRun(this.#standIn(program), new Uint8Array(0));
    this.#object.lookup(REQUESTS, key, request);
    context.set(request.subarray(0, context.length));
    return result;
  }

  iterate(program: string): Uint8Array {
    return this.#object.iterate(program);
  }

  programInfo(program: string): ProgramInfo {
    return this.#object.programInfo(this.#standIn(program));
  }

  ringBuffer(map: string): RingBuffer {
    return new RingBuffer(this.#object.ringBuffer(map));
  }

  btf(): Btf {
    return this.#object.btf();
  }

  close(): void {
    this.#closeTypes();
    this.#object.close();
  }

  #closeTypes(): void {
    if (this.#types !== undefined) closeSync(this.#types);
    this.#types = undefined;
  }

  #standIns(): readonly string[] {
    const names = this.#object.programs.map(({ name }) => name);
    return names.filter((name) => names.includes(name + UNATTACHED));
  }

  /** The program that is loaded and run for this one. */
  #standIn(program: string): string {
    return this.#unattached.has(program) ? program + UNATTACHED : program;
  }
}

/** As addon/tapscope.d.ts says. */
export class RingBuffer {
  readonly #ring: addon.RingBuffer;

  /** Made by BpfObject's ringBuffer(). */
  constructor(ring: addon.RingBuffer) {
    this.#ring = ring;
  }

  drain(into: Uint8Array, budget: number): Drained {
    checkUint32('budget', budget);
    return this.#ring.drain(into, budget);
  }

  listen(hear: () => void): void {
    this.#ring.listen(hear);
  }

  close(): void {
    this.#ring.close();
  }
}

/** While `action` runs, the kernel counts runs and time of BPF programs; see programInfo(). */
export async function withRunStatistics<Result>(action: () => Promise<Result>): Promise<Result> {
  const statistics = new (native().RunStatistics)();
  try {
    return await action();
  } finally {
    statistics.close();
  }
}

export const Btf = {
  /** Types of the running kernel, and of one of its modules on top; ENOENT if that is not loaded or built in. */
  kernel(module?: string): Btf {
    if (module?.includes('/')) throw new TypeError(`${JSON.stringify(module)} is no module: pass a name without "/"`);
    return native().Btf.kernel(module);
  },
};

/** As addon/tapscope.d.ts says: one rtnetlink message to a namespace, the reply's messages back. `netnsPath`: as namespaces.ts names it. */
export async function netlinkRequest(
  netnsPath: string | undefined,
  message: Uint8Array,
  mostBytes?: number,
): Promise<Uint8Array> {
  if (mostBytes !== undefined) checkUint32('most bytes', mostBytes);
  return native().netlinkRequest(netnsPath === undefined ? undefined : bytesOfName(netnsPath), message, mostBytes);
}

/** As addon/tapscope.d.ts says: the text of a file below /proc/net of a namespace. */
export async function namespaceFile(netnsPath: string | undefined, name: string, mostBytes: number): Promise<string> {
  checkUint32('most bytes', mostBytes);
  const path = netnsPath === undefined ? undefined : bytesOfName(netnsPath);
  return Buffer.from(await native().namespaceFile(path, name, mostBytes)).toString('latin1');
}

/** As addon/tapscope.d.ts says: functions and variables of /proc/kallsyms by name. */
export function textSymbols(
  file: string | number,
  names: readonly string[],
  data: readonly string[] = [],
): readonly TextSymbol[] {
  return native().textSymbols(file, names, data);
}

/** As addon/tapscope.d.ts says: the functions that addresses lie in. */
export function textSymbolsAt(file: string | number, addresses: BigUint64Array): readonly (string | undefined)[] {
  return native().textSymbolsAt(file, addresses);
}

/** As addon/system.d.ts says: the process that listens on a unix socket. */
export function unixPeerPid(name: string): number | undefined {
  return native().unixPeerPid(name);
}

/** As addon/system.d.ts says: an exclusive flock; false: another process holds it. */
export function lockFile(fd: number): boolean {
  return native().lockFile(fd);
}

/** 'v1.1' */
export function libbpfVersion(): string {
  return native().libbpfVersion;
}

type Addon = typeof addon & typeof system;

let loaded: Addon | undefined;

export function native(): Addon {
  loaded ??= load(env.TAPSCOPE_ADDON ?? join(packageRoot(), 'dist/addon/tapscope.node'));
  return loaded;
}

/** Throws one sentence that says what to do. */
function load(path: string): Addon {
  if (!existsSync(path)) {
    throw new Error(`The native addon is missing at ${path}: run "npm start" once, which builds it.`);
  }
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    const library = /(lib(?:bpf|mnl|seccomp)\.so\.\d+): cannot open/.exec(reason)?.[1];
    throw new Error(
      library === undefined
        ? `The native addon at ${path} does not load (${reason}): run "npm run build" to build it for this machine.`
        : `The native addon needs ${library}, which is not installed: run "apt-get install libbpf1 libmnl0 libseccomp2".`,
      { cause },
    );
  }
}

function checkUint32(what: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`The ${what} must be a whole number from 0 to 2^32-1, not ${value}`);
  }
}
