// SPDX-License-Identifier: Apache-2.0
// Global variables of a BPF object, in its section .bss.
import type { MapView } from './map-view.ts';
import type { BpfObject, Btf } from './native.ts';

/** Where a variable lies in its section, and its size, in bytes. Throws if the object has none of that name: then object and program are of different builds. */
export function variableOf(btf: Btf, name: string): { readonly offset: number; readonly size: number } {
  const found = btf.variables('.bss').find((variable) => variable.name === name);
  if (!found) throw new Error(`The BPF object has no variable ${name}: it is of another build. Run 'make bpf'.`);
  return found;
}

/** Numbers that its programs write. */
export class Globals<Name extends string> {
  readonly #view: MapView;
  readonly #at: Readonly<Record<Name, number>>;

  /** Of a loaded object. Throws as variableOf() does. */
  constructor(object: BpfObject, names: readonly Name[]) {
    const btf = object.btf();
    this.#view = object.mapView('.bss');
    const places = names.map((name) => [name, variableOf(btf, name).offset] as const);
    this.#at = Object.fromEntries(places) as Record<Name, number>;
  }

  u64(name: Name): number {
    return this.#view.u64(this.#at[name]);
  }

  u32(name: Name): number {
    return this.#view.u32(this.#at[name]);
  }
}
