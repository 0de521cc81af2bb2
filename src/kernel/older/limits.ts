// SPDX-License-Identifier: Apache-2.0
// What an older kernel does not do for BPF programs, and how an object is fitted to it.
import { existsSync, readdirSync } from 'node:fs';
import type { AddedStruct } from '../../../addon/btf-types.d.ts';
import type { Btf } from '../../../addon/tapscope.d.ts';
import { TUN_STRUCTS } from './tun-structs.ts';

export interface KernelLimits {
  /** Atomic operations that give a value back, or set bits: Linux 5.12. */
  readonly atomics: boolean;
  /** Programs that are run on request (BPF_PROG_TYPE_SYSCALL): Linux 5.14. */
  readonly syscallPrograms: boolean;
  /** skb:kfree_skb gives a reason: Linux 5.17. */
  readonly dropReasons: boolean;
  /** A program can look at another CPU's value of a map: Linux 5.19. */
  readonly othersValues: boolean;
  /** Folders of sysfs count what is made and taken away in them: Linux 5.15. */
  readonly folderRevisions: boolean;
  /** What the kernel's types lack of tun, known by its release; undefined: nothing, or it is not known. */
  readonly tunStructs: readonly AddedStruct[] | undefined;
}

/** A kernel without limits. */
export const NO_LIMITS: KernelLimits = {
  atomics: true,
  syscallPrograms: true,
  dropReasons: true,
  othersValues: true,
  folderRevisions: true,
  tunStructs: undefined,
};

/** `btf`: of the kernel; undefined: it has none, and no program is loaded. */
export function readLimits(btf: Btf | undefined, release: string, hasModuleTypes: boolean): KernelLimits {
  if (!btf) return NO_LIMITS;
  const has = (kind: string, name: string): boolean =>
    btf.enumValues(kind)?.some((value) => value.name === name) ?? false;
  return {
    // No type says which atomic operations there are: bpf/atomics.bpf.h asks for the same.
    atomics: has('bpf_func_id', 'BPF_FUNC_for_each_map_elem'),
    syscallPrograms: has('bpf_prog_type', 'BPF_PROG_TYPE_SYSCALL'),
    dropReasons: btf.enumValues('skb_drop_reason') !== undefined,
    othersValues: has('bpf_func_id', 'BPF_FUNC_map_lookup_percpu_elem'),
    folderRevisions: btf.struct('kernfs_elem_dir')?.fields.some(({ name }) => name === 'rev') ?? false,
    tunStructs: hasModuleTypes ? undefined : TUN_STRUCTS.get(/^\d+\.\d+/.exec(release)?.[0] ?? ''),
  };
}

const TYPES = '/sys/kernel/btf';

/** The kernel has types (BTF) of its modules, or the modules in question are built in. */
export function readModuleTypes(modules: readonly string[]): boolean {
  if (modules.every((name) => !existsSync(`/sys/module/${name}/initstate`))) return true;
  const types = existsSync(TYPES) ? readdirSync(TYPES) : [];
  return types.some((name) => name !== 'vmlinux');
}
