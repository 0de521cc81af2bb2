// SPDX-License-Identifier: Apache-2.0
// Where a struct's fields lie, read from the BTF of the BPF object: what C declares is never written down again here.
import type { Btf } from './native.ts';

/** Byte offsets of a struct's fields by name, and its size in bytes. */
export interface Layout<Field extends string> {
  readonly size: number;
  readonly at: Readonly<Record<Field, number>>;
}

/** Throws if the object has no such struct or field: then object and program are of different builds. */
export function layoutOf<Field extends string>(btf: Btf, name: string, fields: readonly Field[]): Layout<Field> {
  const struct = btf.struct(name);
  if (!struct) throw new Error(`The BPF object has no struct ${name}: it is of another build. Run 'make bpf'.`);
  const at: Partial<Record<Field, number>> = {};
  for (const field of fields) {
    const found = struct.fields.find((candidate) => candidate.name === field);
    if (!found)
      throw new Error(
        `struct ${name} of the BPF object has no field ${field}: it is of another build. Run 'make bpf'.`,
      );
    at[field] = found.offset;
  }
  return { size: struct.size, at: at as Record<Field, number> };
}
