// SPDX-License-Identifier: Apache-2.0
// Types as Btf returns them, and structs that the kernel's types lack.

export interface StructField {
  readonly name: string;
  /** Bytes from the start of the outer struct; members of nameless structs and unions are listed as its own. */
  readonly offset: number;
  /** Bytes of the whole field, all elements of an array. */
  readonly size: number;
  /** Elements of an array, of all dimensions; 1 for anything else. */
  readonly count: number;
  /** Past typedefs; a union is a 'struct', a bit field is 'other' (its offset is that of its first bit, rounded down). */
  readonly kind: 'int' | 'ptr' | 'struct' | 'array' | 'enum' | 'other';
  /** The type as declared, for an array that of its elements: '__u64', 'struct net_device *'. */
  readonly type: string;
}

export interface StructLayout {
  readonly size: number;
  readonly fields: readonly StructField[];
}

export interface EnumValue {
  readonly name: string;
  /** Exact up to 2^53. Compilers before clang 15 and pahole 1.24 do not mark negative ones: those read as unsigned. */
  readonly value: number;
}

export interface Variable {
  readonly name: string;
  /** Bytes from the start of the section, which is its map's memory. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** A field of a struct that the kernel's types lack. Its place is where a compiler puts it. */
export interface AddedField {
  readonly name: string;
  /** As in C, such as 'struct sock' or 'unsigned int'; pointer: to anything. */
  readonly type: string;
  /** The number of an array's elements. */
  readonly count?: number;
  /** Bytes, where the source asks for more than the type does (____cacheline_aligned). */
  readonly align?: number;
}

export interface AddedStruct {
  readonly name: string;
  readonly fields: readonly AddedField[];
}
