// SPDX-License-Identifier: Apache-2.0
// The BPF object, loaded with as many of the wanted programs as this kernel accepts.
import { errnoOf } from '../kernel/error-name.ts';
import { variableOf } from '../kernel/globals.ts';
import { type Host, sharesBottomHalves } from '../kernel/host.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject, RingBuffer } from '../kernel/native.ts';
import type { Wanted } from './mechanism.ts';
import {
  bytes32,
  bytes64,
  explainLoad,
  firstLine,
  kernelTypes,
  NoPrograms,
  openObject,
  setRange,
  writeTextRanges,
} from './open-object.ts';
import { instructionConstants, type Known, type Pool, SEEN } from './probe-symbols.ts';
import { type DropReasons, readDropReasons, reasonFlags } from './reasons.ts';

const ENDED = 'ended_fentry';
/** The place of the socket among the arguments of the tracepoint kfree_skb, where it has one. */
const SOCKET_ARGUMENT = 4;
/** The same as in bpf/rows/queue.bpf.h. */
const TABLE_CELLS = 16_384;
/** The size of a row, which bpf/rows/queue.bpf.h asserts. */
const ROW_BYTES = 256;
/** The ends of the names of programs that are attached to code or a type of the kernel. */
const TRACING = /_(fentry|fexit|typed)$/;
/** A function that every kernel has, and calls: who may trace it may trace others. */
const TRACED = 'consume_skb';

/** Of a few: one CPU tells of a drop, or two at once. */
const DROP_RECORDS_BYTES = 256;

export interface LoadOptions {
  /** Losses before tun are counted: every drop of the host is looked at. */
  readonly before: boolean;
  /** Programs that are known not to attach, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** Maps with a record for each row. */
  readonly recordMaps: readonly string[];
  /** Programs that see the ends of writers' calls. */
  readonly writeEnds: readonly string[];
}

/** The programs that this kernel accepted. */
export class LoadedPrograms {
  /** The object that all maps belong to. */
  readonly object: BpfObject;
  readonly reasons: DropReasons;
  /** The kernel has bpf_rdonly_cast, and takes programs with it. */
  readonly typedReads: boolean;
  /** An address stands for one device, because the end of each is seen. */
  readonly endsSeen: boolean;
  /** One packet may preempt another on its CPU, within the transmit function. */
  readonly preempts = sharesBottomHalves();
  readonly #writeEndsSeen: boolean;
  readonly #options: LoadOptions;
  readonly #owners = new Map<string, BpfObject>();
  readonly #refused: Map<string, string>;
  #firstDrops: RingBuffer | undefined;

  /** Throws NoPrograms where none of the programs can be had. */
  constructor(host: Host, wanted: Wanted, options: LoadOptions) {
    this.#options = options;
    this.#refused = new Map(options.refused);
    const { object, reasons, typedReads } = this.#load(host, wanted, undefined);
    this.object = object;
    this.reasons = reasons;
    this.typedReads = typedReads;
    this.endsSeen = this.#owners.has(ENDED);
    this.#writeEndsSeen = options.writeEnds.every((name) => this.#owners.has(name));
    writeTextRanges(object, host);
  }

  /** Loads programs whose module came after the others: into an object of their own that shares all maps and variables. */
  extend(host: Host, wanted: Wanted): void {
    for (const name of wanted.all) this.#refused.delete(name);
    if (this.#missing(wanted).length > 0) this.#load(host, wanted, this.object);
    writeTextRanges(this.object, host);
  }

  /**
   * While nothing is attached to the transmit function: no CPU has a packet in flight there. begins: from now on some may;
   * rests: the next drop is told to who listens, once until this is called again.
   */
  settle(then: 'begins' | 'rests' | 'ends'): void {
    if (!this.#owners.has('settle')) return;
    const byQueue = this.preempts && this.#owners.has('offered_fentry');
    const begun = SEEN[byQueue ? 'byQueue' : 'byCpu'];
    const seen = { begins: begun, rests: this.#firstDrops ? SEEN.armed : SEEN.not, ends: SEEN.not }[then];
    const request = BigUint64Array.of(BigInt(seen));
    this.objectOf('settle').testRun('settle', new Uint8Array(request.buffer));
  }

  has(program: string): boolean {
    return this.#owners.has(program);
  }

  /** Why the kernel did not accept it. */
  refusalOf(program: string): string | undefined {
    return this.#refused.get(program);
  }

  /** The object that holds a program; throws a sentence that says why there is none. */
  objectOf(program: string): BpfObject {
    const owner = this.#owners.get(program);
    if (!owner)
      throw new Error(this.#refused.get(program) ?? 'it was not loaded: its module was not there, or a better one was');
    return owner;
  }

  /** Calls `hear` soon after the first drop at rest. */
  listenForDrops(hear: () => void): void {
    const ring = this.object.ringBuffer('first_drops');
    const records = new Uint8Array(DROP_RECORDS_BYTES);
    ring.listen(() => {
      ring.drain(records, records.length);
      hear();
    });
    this.#firstDrops = ring;
  }

  close(): void {
    this.#firstDrops?.close();
    for (const object of new Set([...this.#owners.values(), this.object])) object.close();
  }

  /** One that the kernel refuses is left out and the rest tried again, because libbpf loads all or nothing. */
  #load(
    host: Host,
    wanted: Wanted,
    shared: BpfObject | undefined,
  ): { object: BpfObject; reasons: DropReasons; typedReads: boolean } {
    let typedReads = host.functionArgs('bpf_rdonly_cast') !== undefined;
    this.#refuseTracing(host, wanted.all);
    for (;;) {
      const accepted = this.#missing(wanted);
      const configuration = {
        ...this.#options,
        typedReads,
        byQueue: this.preempts,
        endsSeen: shared ? this.endsSeen : accepted.includes(ENDED),
        writeEndsSeen: shared ? this.#writeEndsSeen : this.#options.writeEnds.every((name) => accepted.includes(name)),
      };
      const { object, reasons } = prepare(host, accepted, configuration, shared);
      try {
        object.load(host.modules);
        for (const name of accepted) this.#owners.set(name, object);
        return { object, reasons, typedReads };
      } catch (error) {
        object.close();
        const program = refusedProgram(error, accepted);
        if (!program) throw new NoPrograms(explainLoad(error), { cause: error });
        if (typedReads && program.endsWith('_raw')) typedReads = false;
        else this.#refuse(program, error, wanted.all);
      }
    }
  }

  #missing(wanted: Wanted): readonly string[] {
    return wanted.without((name) => this.#refused.has(name)).filter((name) => !this.#owners.has(name));
  }

  /** A try with all programs would cost a load: half a second and more. */
  #refuseTracing(host: Host, wanted: readonly string[]): void {
    const tracing = wanted.find((name) => TRACING.test(name) && !this.#refused.has(name));
    if (tracing === undefined) return;
    try {
      host.btf?.tryTracing(TRACED);
    } catch (error) {
      // Any other error may be this function's own.
      if (errnoOf(error) === 'EPERM') this.#refuse(tracing, error, wanted);
    }
  }

  #refuse(program: string, error: unknown, wanted: readonly string[]): void {
    // Who forbids one tracing program forbids them all, and every further try costs a load.
    const forbidden = errnoOf(error) === 'EPERM' && TRACING.test(program);
    for (const name of forbidden ? wanted.filter((other) => TRACING.test(other)) : [program])
      this.#refused.set(name, firstLine(error));
  }
}

/** An object that is configured for this kernel and would load just these programs. */
function prepare(
  host: Host,
  programs: readonly string[],
  configuration: Configuration,
  shared: BpfObject | undefined,
): { object: BpfObject; reasons: DropReasons } {
  const kernel = kernelTypes(host);
  const object = openObject(
    'tapscope',
    host.limits,
    instructionConstants(host, poolFor(host.possibleCpus), configuration),
  );
  const reasons = readDropReasons(kernel, host.reasonTypes, object.btf());
  for (const { name } of object.programs) object.setAutoload(name, programs.includes(name));
  configure(object, host, reasons, configuration);
  for (const { name } of shared?.maps ?? []) if (shared && !name.endsWith('.rodata')) object.reuseMap(name, shared);
  return { object, reasons };
}

interface Configuration extends LoadOptions, Known {
  /** Freed packets that name no device are attributed at the end of the writer's call. */
  readonly writeEndsSeen: boolean;
}

function configure(
  object: BpfObject,
  host: Host,
  reasons: DropReasons,
  { before, typedReads, endsSeen, writeEndsSeen, recordMaps }: Configuration,
): void {
  const btf = object.btf();
  const most = variableOf(btf, 'cpus').size / layoutOf(btf, 'cpu_state', []).size;
  if (host.possibleCpus > most)
    throw new NoPrograms(
      `this host may have ${host.possibleCpus} CPUs and the BPF object has room for ${most}; raise MAX_CPUS in bpf/rows/queue.bpf.h`,
    );
  const pool = poolFor(host.possibleCpus);
  for (const map of ['free_rows', 'row_index', ...recordMaps]) object.setMaxEntries(map, pool.rows);
  reserveRows(object, pool);
  const address = (name: string): Uint8Array => bytes64(host.symbols?.address(name) ?? 0n);
  object.setVariable('rows_mask', bytes32(pool.rows - 1));
  object.setVariable('possible_cpus', bytes32(host.possibleCpus));
  object.setVariable('typed_reads', Uint8Array.of(Number(typedReads)));
  object.setVariable('ends_seen', Uint8Array.of(Number(endsSeen)));
  object.setVariable('write_ends_seen', Uint8Array.of(Number(writeEndsSeen)));
  object.setVariable('before_counted', Uint8Array.of(Number(before)));
  // The function's first argument is the program's own.
  const given = host.btf?.typedefFuncArgs('btf_trace_kfree_skb') ?? 0;
  object.setVariable('gives_socket', Uint8Array.of(Number(given > SOCKET_ARGUMENT)));
  object.setVariable('reason_slots', reasons.slotTable);
  object.setVariable('reason_flags', reasonFlags(reasons));
  object.setVariable('reason_not_specified', bytes32(reasons.number('NOT_SPECIFIED') ?? 0));
  object.setVariable('reason_consumed', bytes32(reasons.number('CONSUMED') ?? 0xffffffff));
  for (const { name } of btf.variables('.rodata')) {
    const [, addressed] = /^(\w+)_address$/.exec(name) ?? [];
    if (addressed !== undefined) object.setVariable(name, address(addressed));
  }
  object.setVariable('per_cpu_offset_address', address('__per_cpu_offset'));
  setRange(object, host, 'reader', 'tun_do_read');
  setRange(object, host, 'kfree_skb_list', 'kfree_skb_list');
}

/** A row of 256 bytes for each queue on each CPU that serves it: room for 2 048 queues if each is served by one CPU, or more. */
function poolFor(cpus: number): Pool {
  const cpuNumbers = 2 ** Math.ceil(Math.log2(cpus));
  const rows = Math.min(65_536, Math.max(4096, 2048 * cpuNumbers));
  return { rows, cells: cpuNumbers * TABLE_CELLS, tableOffset: rows * ROW_BYTES };
}

/** `rows` is the last variable of the section, of which only so many are kept; the table of row numbers follows them. */
function reserveRows(object: BpfObject, { cells, tableOffset }: Pool): void {
  const variables = object.btf().variables('.bss');
  const first = variables.find(({ name }) => name === 'rows');
  if (!first || variables.some(({ offset }) => offset > first.offset))
    throw new Error("The rows are not the last variable of the BPF object. Run 'npm start', which builds it anew.");
  object.setValueSize('.bss', first.offset + tableOffset + cells * 4);
}

function refusedProgram(error: unknown, wanted: readonly string[]): string | undefined {
  const name = /load program (\w+?)(_unattached)? of/.exec(firstLine(error))?.[1];
  return wanted.find((program) => program === name);
}
