// SPDX-License-Identifier: Apache-2.0
// The types (BTF) of a kernel and its modules by name, as bpftool prints them.

/** A type in `bpftool --json btf dump`. */
export interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly type_id?: number;
  readonly ret_type_id?: number;
  readonly nr_elems?: number;
  readonly members?: readonly BtfMember[];
  readonly params?: readonly { readonly type_id: number }[];
  readonly values?: readonly { readonly name: string; readonly val: number }[];
}

interface BtfMember {
  readonly name: string;
  readonly type_id: number;
  readonly bitfield_size?: number;
}

const NAMELESS = '(anon)';
const QUALIFIERS = ['CONST', 'VOLATILE', 'RESTRICT', 'TYPE_TAG'];
const TAGS: Readonly<Record<string, string>> = { STRUCT: 'struct ', UNION: 'union ', ENUM: 'enum ', ENUM64: 'enum ' };
const FORWARD = 'FWD';

export class KernelTypes {
  /** By id. */
  readonly #types: readonly Map<number, BtfType>[];
  /** By kind and name: 'struct sk_buff', 'enum skb_drop_reason', 'netdev_tx_t', 'tun_net_xmit()'. */
  readonly #named = new Map<string, readonly [type: BtfType, types: Map<number, BtfType>]>();

  /** `kernel`: of the kernel itself; `modules`: what each adds, whose ids begin behind those of the kernel. */
  constructor(kernel: readonly BtfType[], modules: readonly (readonly BtfType[])[]) {
    const base = new Map(kernel.map((type) => [type.id, type]));
    this.#types = [base, ...modules.map((types) => new Map(types.map((type) => [type.id, type])))];
    for (const types of this.#types)
      for (const type of types.values()) {
        const name = keyOf(type);
        if (name !== undefined && !this.#named.has(name)) this.#named.set(name, [type, types]);
      }
  }

  /** 'struct sk_buff', 'union …', 'enum …' or a typedef. */
  has(name: string): boolean {
    return this.#named.has(name);
  }

  /** Of 'struct sk_buff' and ['dev', 'flags']: its declaration, without qualifiers; undefined: there is no such field. */
  field(struct: string, path: readonly string[]): string | undefined {
    const found = this.#named.get(struct);
    return found && this.#fieldOf(found[0], path, found[1]);
  }

  /** '(struct sk_buff *, struct net_device *) → netdev_tx_t'; undefined: no such function, or it was inlined everywhere. */
  functionText(name: string): string | undefined {
    const found = this.#named.get(`${name}()`);
    return found && this.#prototype(found[0].type_id, found[1], 0);
  }

  /** What a tracepoint gives to its programs: its first argument is theirs. */
  tracepointText(name: string): string | undefined {
    const found = this.#named.get(`btf_trace_${name}`);
    const pointer = found && this.#at(found[0].type_id, found[1]);
    return pointer && this.#prototype(pointer.type_id, found[1], 1);
  }

  /** Values of an enum, by name. */
  enumValues(name: string): ReadonlyMap<string, number> {
    const values = this.#named.get(`enum ${name}`)?.[0].values ?? [];
    return new Map(values.map((value) => [value.name, value.val]));
  }

  #at(id: number | undefined, types: Map<number, BtfType>): BtfType | undefined {
    return id === undefined ? undefined : (types.get(id) ?? this.#types[0]?.get(id));
  }

  #bare(id: number | undefined, types: Map<number, BtfType>, also: readonly string[] = []): BtfType | undefined {
    let type = this.#at(id, types);
    while (type && [...QUALIFIERS, ...also].includes(type.kind)) type = this.#at(type.type_id, types);
    return type;
  }

  #fieldOf(struct: BtfType, [first, ...rest]: readonly string[], types: Map<number, BtfType>): string | undefined {
    for (const member of struct.members ?? []) {
      const inner = this.#bare(member.type_id, types, ['TYPEDEF', 'ARRAY']);
      if (member.name === NAMELESS) {
        const found = inner && this.#fieldOf(inner, [first ?? '', ...rest], types);
        if (found !== undefined) return found;
      } else if (member.name === first) {
        if (rest.length > 0) return inner && this.#fieldOf(inner, rest, types);
        const bits = member.bitfield_size ? `:${member.bitfield_size}` : '';
        return `${this.#text(member.type_id, types)}${bits}`;
      }
    }
    return undefined;
  }

  #prototype(id: number | undefined, types: Map<number, BtfType>, skipped: number): string | undefined {
    const proto = this.#at(id, types);
    if (proto?.kind !== 'FUNC_PROTO') return undefined;
    const params = (proto.params ?? []).slice(skipped).map(({ type_id }) => this.#text(type_id, types));
    return `(${params.join(', ')}) → ${this.#text(proto.ret_type_id ?? 0, types)}`;
  }

  /** As in C, near enough for two to be compared. */
  #text(id: number, types: Map<number, BtfType>): string {
    const type = this.#bare(id, types);
    if (type === undefined) return 'void';
    if (type.kind === 'PTR') return `${this.#text(type.type_id ?? 0, types)} *`;
    if (type.kind === 'ARRAY') return `${this.#text(type.type_id ?? 0, types)}[${type.nr_elems}]`;
    if (type.kind === 'FUNC_PROTO') return 'function';
    // Where a kernel knows only that there is such a struct, it is the same for those that point to it.
    const tag = type.kind === FORWARD ? 'struct ' : (TAGS[type.kind] ?? '');
    return `${tag}${type.name === NAMELESS ? '{…}' : type.name}`;
  }
}

function keyOf({ kind, name }: BtfType): string | undefined {
  if (name === NAMELESS) return undefined;
  if (kind === 'FUNC') return `${name}()`;
  if (kind === 'TYPEDEF') return name;
  const tag = TAGS[kind];
  return tag && `${tag}${name}`;
}
