// SPDX-License-Identifier: Apache-2.0
// A BPF object of ours, opened for this kernel, and what its programs are told of the kernel.
import { errnoOf } from '../kernel/error-name.ts';
import type { Host } from '../kernel/host.ts';
import type { Constants } from '../kernel/instruction-constants.ts';
import { layoutOf } from '../kernel/layout.ts';
import { BpfObject, type Btf } from '../kernel/native.ts';
import type { KernelLimits } from '../kernel/older/limits.ts';
import { packageFile } from '../kernel/package.ts';
import { classifyText } from './locations.ts';

/** Nothing could be loaded at all; the message says why and what to do. */
export class NoPrograms extends Error {}

/** Throws NoPrograms where nothing can be loaded, or there is nothing to see. */
export function kernelTypes(host: Host): Btf {
  if (!host.btf)
    throw new NoPrograms(
      'this kernel has no type information (/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF',
    );
  if (!host.tunLoaded)
    throw new NoPrograms('the tun driver is not loaded; its queues are seen once it is (modprobe tun)');
  return host.btf;
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

export function openObject(
  name: 'tapscope' | 'follow' | 'frames' | 'ways',
  limits?: KernelLimits,
  constants?: Constants,
): BpfObject {
  const path = packageFile(`dist/bpf/${name}.bpf.o`);
  if (path === undefined) throw new NoPrograms("the BPF object is missing; run 'npm start' once, which builds it");
  return new BpfObject(path, constants, limits);
}

/** `typedReads`: the kernel has bpf_rdonly_cast, and takes programs with it. */
export function openQuestion(name: 'frames' | 'ways', typedReads: boolean): BpfObject {
  const object = openObject(name);
  object.setVariable('typed_reads', Uint8Array.of(Number(typedReads)));
  return object;
}

export function writeTextRanges(object: BpfObject, host: Host): void {
  const layout = layoutOf(object.btf(), 'text_range', ['start', 'length', 'class']);
  const ranges = host.symbols ? classifyText(host.symbols, object.btf(), host.limits.dropReasons) : [];
  const room = mapEntries(object, 'text_ranges');
  if (ranges.length > room)
    throw new Error(
      `The BPF object has room for ${room} text ranges, but this kernel has ${ranges.length}. Raise RANGES in bpf/drops/location.bpf.h.`,
    );
  for (let i = 0; i < room; i++) {
    const view = new DataView(new ArrayBuffer(layout.size));
    view.setBigUint64(layout.at.start, ranges[i]?.start ?? 0n, true);
    view.setUint32(layout.at.length, ranges[i]?.length ?? 0, true);
    view.setUint32(layout.at.class, ranges[i]?.class ?? 0, true);
    object.update('text_ranges', bytes32(i), new Uint8Array(view.buffer));
  }
}

export function mapEntries(object: BpfObject, name: string): number {
  return object.maps.find((map) => map.name === name)?.maxEntries ?? 0;
}

/** The text of a kernel function, in the variables NAME_start and NAME_length; nothing where the kernel has no such function. */
export function setRange(object: BpfObject, host: Host, variable: string, functionName: string): void {
  const range = host.symbols?.ranges(functionName)[0];
  object.setVariable(`${variable}_start`, bytes64(range?.start ?? 0n));
  object.setVariable(`${variable}_length`, bytes32(range?.length ?? 0));
}

export function explainLoad(error: unknown): string {
  const rights = errnoOf(error) === 'EPERM' ? ' (BPF needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN)' : '';
  return `${firstLine(error)}${rights}`;
}

export function bytes32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function bytes64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}
