// SPDX-License-Identifier: Apache-2.0
// The BPF object, loaded with as many of the wanted programs as this kernel accepts.
import type { Host } from '../kernel/host.ts';
import { layoutOf } from '../kernel/layout.ts';
import { BpfObject, errnoOf } from '../kernel/native.ts';
import { packageFile } from '../kernel/package.ts';
import { classifyText } from './locations.ts';
import { type DropReasons, readDropReasons } from './reasons.ts';

export interface LoadedPrograms {
  readonly object: BpfObject;
  readonly reasons: DropReasons;
  /** Why the kernel refused a program, by program. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Nothing could be loaded at all; the message says why and what to do. */
export class NoPrograms extends Error {}

/**
 * Loads the programs; one that the kernel refuses is left out and the rest tried again, because libbpf loads all or nothing.
 * Throws NoPrograms where none can be had.
 */
export function loadPrograms(host: Host, wanted: readonly string[]): LoadedPrograms {
  const kernel = host.btf;
  if (!kernel)
    throw new NoPrograms(
      'this kernel has no type information (/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF',
    );
  if (!host.tunLoaded)
    throw new NoPrograms('the tun driver is not loaded; load it (modprobe tun) and start tapscope again');
  const refused = new Map<string, string>();
  let typedReads = host.functionArgs('bpf_rdonly_cast') !== undefined;
  for (;;) {
    const object = openObject();
    const reasons = readDropReasons(kernel, object.btf());
    for (const { name } of object.programs) object.setAutoload(name, wanted.includes(name) && !refused.has(name));
    configure(object, host, reasons, typedReads);
    try {
      object.load();
      return { object, reasons, refused };
    } catch (error) {
      object.close();
      const program = refusedProgram(error, wanted);
      if (!program) throw new NoPrograms(explainLoad(error), { cause: error });
      if (typedReads && program.endsWith('_raw')) typedReads = false;
      else refused.set(program, firstLine(error));
    }
  }
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function openObject(): BpfObject {
  const path = packageFile('dist/bpf/tapscope.bpf.o');
  if (path === undefined) throw new NoPrograms("the BPF object is missing; run 'npm start' once, which builds it");
  return new BpfObject(path);
}

function configure(object: BpfObject, host: Host, reasons: DropReasons, typedReads: boolean): void {
  const rows = rowsFor(host.possibleCpus);
  for (const map of ['rows', 'free_rows', 'row_index']) object.setMaxEntries(map, rows);
  object.setMaxEntries('row_table', mapEntries(object, 'row_table') * host.possibleCpus);
  const address = (name: string): Uint8Array => bytes64(host.symbols?.address(name) ?? 0n);
  object.setVariable('rows_mask', bytes32(rows - 1));
  object.setVariable('possible_cpus', bytes32(host.possibleCpus));
  object.setVariable('typed_reads', Uint8Array.of(Number(typedReads)));
  object.setVariable('reason_slots', reasons.slotTable);
  object.setVariable('reason_not_specified', bytes32(reasons.number('NOT_SPECIFIED') ?? 0));
  object.setVariable('reason_consumed', bytes32(reasons.number('CONSUMED') ?? 0xffffffff));
  object.setVariable('tun_net_xmit_address', address('tun_net_xmit'));
  object.setVariable('sock_rfree_address', address('sock_rfree'));
  object.setVariable('tun_chr_close_address', address('tun_chr_close'));
  object.setVariable('text_ranges', encodeRanges(object, host));
}

/** A row of 256 bytes for each queue on each CPU that serves it: room for 2 048 queues if each is served by one CPU, or more. */
function rowsFor(cpus: number): number {
  return Math.min(65_536, Math.max(4096, 2048 * 2 ** Math.ceil(Math.log2(cpus))));
}

function encodeRanges(object: BpfObject, host: Host): Uint8Array {
  const layout = layoutOf(object.btf(), 'text_range', ['start', 'length', 'class']);
  const size =
    object
      .btf()
      .variables('.rodata')
      .find(({ name }) => name === 'text_ranges')?.size ?? 0;
  const ranges = host.symbols ? classifyText(host.symbols, object.btf()) : [];
  if (ranges.length * layout.size > size)
    throw new Error(
      `The BPF object has room for ${size / layout.size} text ranges, but this kernel has ${ranges.length}. Raise RANGES in bpf/drops.bpf.c.`,
    );
  const view = new DataView(new ArrayBuffer(size));
  for (const [i, range] of ranges.entries()) {
    view.setBigUint64(i * layout.size + layout.at.start, range.start, true);
    view.setUint32(i * layout.size + layout.at.length, range.length, true);
    view.setUint32(i * layout.size + layout.at.class, range.class, true);
  }
  return new Uint8Array(view.buffer);
}

function mapEntries(object: BpfObject, name: string): number {
  return object.maps.find((map) => map.name === name)?.maxEntries ?? 0;
}

function refusedProgram(error: unknown, wanted: readonly string[]): string | undefined {
  const name = /load program (\w+) of/.exec(firstLine(error))?.[1];
  return wanted.find((program) => program === name);
}

function explainLoad(error: unknown): string {
  const rights = errnoOf(error) === 'EPERM' ? ' (BPF needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN)' : '';
  return `${firstLine(error)}${rights}`;
}

function bytes32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function bytes64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}
