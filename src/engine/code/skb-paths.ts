// SPDX-License-Identifier: Apache-2.0
// Whether this kernel's tun takes packets from a CPU's NAPI cache or defers freeing them: by what its machine code calls.
import { layoutOf } from '../../kernel/layout.ts';
import type { BpfObject } from '../../kernel/native.ts';
import type { Symbols } from '../../kernel/symbols.ts';
import { calledFunctions } from './machine-code.ts';

export interface SkbPath {
  readonly name: string;
  /** null: the code could not be read. */
  readonly present: boolean | null;
  readonly reason: string;
  /** What counts its packets, as --mechanism takes it; absent: nothing does. */
  readonly countedBy?: string;
}

interface Path {
  readonly name: string;
  readonly functions: readonly string[];
  /** The exception: packets that take this path all the same. */
  readonly aside?: string;
  readonly countedBy?: string;
}

const PATHS: readonly Path[] = [
  {
    name: 'NAPI cache',
    functions: ['napi_build_skb', 'napi_skb_cache_put', 'napi_skb_cache_get_bulk'],
    aside: 'devices opened with IFF_NAPI_FRAGS aside',
  },
  {
    name: 'deferred free',
    functions: ['napi_consume_skb', 'skb_attempt_defer_free'],
    countedBy: 'allocation=fentry',
  },
];
/** Functions of tun that allocate or free packets, with what the compiler may have kept apart. */
const TUN = ['tun_get_user', 'tun_sendmsg', 'tun_build_skb', 'tun_do_read', 'tun_recvmsg', 'tun_net_xmit'];
/** Every tun frees what was read by one of them: who does not find such a call cannot say that others are absent. */
const KNOWN = { from: 'tun_do_read', to: ['consume_skb', 'napi_consume_skb'] };
const CALLED: readonly string[] = [...new Set([...KNOWN.to, ...PATHS.flatMap(({ functions }) => functions)])];

export const SKB_PATH_SYMBOLS: readonly string[] = [...TUN, ...CALLED];

interface Loaded {
  readonly programs: { readonly object: BpfObject } | undefined;
  readonly symbols: () => Symbols | undefined;
  readonly can: (capability: string) => boolean;
}

/** None, where no program of ours may read the code, or the functions have no addresses here. */
export function skbPaths(probes: Loaded): readonly SkbPath[] {
  const [object, symbols] = [probes.programs?.object, probes.symbols()];
  return object && symbols && probes.can('walk') ? pathsOf(object, symbols) : [];
}

function pathsOf(object: BpfObject, symbols: Symbols): readonly SkbPath[] {
  const targets = new Map(
    CALLED.flatMap((name) => {
      const address = symbols.address(name);
      return address === undefined ? [] : [[address, name] as const];
    }),
  );
  const calls = new Map(TUN.map((name) => [name, callsOf(object, symbols, name, targets)]));
  const readable = KNOWN.to.some((name) => calls.get(KNOWN.from)?.has(name));
  return PATHS.map(({ name, functions, aside, countedBy }) => {
    if (!readable) return { name, present: null, reason: 'the machine code of tun could not be read' };
    const found = TUN.flatMap((from) =>
      functions.filter((to) => calls.get(from)?.has(to)).map((to) => `${from} calls ${to}`),
    );
    const none = `tun of this kernel calls none of ${functions.join(', ')}${aside ? ` (${aside})` : ''}`;
    if (found.length === 0) return { name, present: false, reason: none };
    return { name, present: true, reason: found.join(', '), ...(countedBy && { countedBy }) };
  });
}

function callsOf(
  object: BpfObject,
  symbols: Symbols,
  name: string,
  targets: ReadonlyMap<bigint, string>,
): ReadonlySet<string> {
  return new Set(
    symbols.ranges(name).flatMap(({ start, length }) => {
      const text = textAt(object, start, length);
      const beyond = (at: bigint, bytes: number) => textAt(object, at, bytes);
      return text ? [...calledFunctions(text, start, targets, beyond)] : [];
    }),
  );
}

/** undefined: it is longer than what can be read at once, or not there any more. */
function textAt(object: BpfObject, start: bigint, length: number): Uint8Array | undefined {
  const { at, size } = layoutOf(object.btf(), 'text_request', ['start', 'length', 'error']);
  const request = new DataView(new ArrayBuffer(size));
  request.setBigUint64(at.start, start, true);
  request.setUint32(at.length, length, true);
  object.testRun('read_text', new Uint8Array(request.buffer));
  if (request.getInt32(at.error, true) !== 0) return undefined;
  const text = new Uint8Array(length);
  object.mapView('kernel_text').copy(text, 0, length);
  return text;
}
