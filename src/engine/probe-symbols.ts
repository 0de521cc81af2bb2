// SPDX-License-Identifier: Apache-2.0
// Symbols of the kernel for the programs.
import type { Host } from '../kernel/host.ts';
import type { Constants } from '../kernel/instruction-constants.ts';
import type { Btf } from '../kernel/native.ts';
import { SKB_PATH_SYMBOLS } from './code/skb-paths.ts';
import { LOCATION_SYMBOLS, ownTextFrom } from './locations.ts';

/** Kernel functions that the engine looks up; those of each subject are its own. */
export const ENGINE_SYMBOLS: readonly string[] = [
  ...LOCATION_SYMBOLS,
  ...SKB_PATH_SYMBOLS,
  'tun_net_xmit',
  'sock_rfree',
  'kfree_skb_list',
];

/** The same as in bpf/rows/queue.bpf.h. */
const ROWS_MASK_PLACE = 0x6d61736b;
/** The same as in bpf/rows/row.bpf.h. */
const CELLS_MASK_PLACE = 0x63656c6c;
const TABLE_OFFSET_PLACE = 0x7461626c;
/** The same as in bpf/drops/drops.bpf.c. */
const OWN_TEXT_PLACE = 0x6f776e74;
const ENDS_UNSEEN_PLACE = 0x656e6473;
const BY_QUEUE_PLACE = 0x71756575;
/** The same as in bpf/drops/freed-outside.bpf.h. */
const UNCOUNTED_PLACE = 0x756e636f;
const TUN_OPS_PLACE = 0x74756e6f;
const TAP_OPS_PLACE = 0x7461706f;
const UNKNOWN_OPS_PLACE = 0x756e6b6f;
/** The same as in bpf/instructions.bpf.h. */
const UNTYPED_PLACE = 0x756e7479;
/** The same as in bpf/rows/row.bpf.h. */
const PRIVATE_PLACE = 0x70726976;

/** The sizes of what is kept about queues. */
export interface Pool {
  readonly rows: number;
  /** Cells of the table, which lies behind the rows. */
  readonly cells: number;
  readonly tableOffset: number;
}

/** What the constants depend on, beside the host. */
export interface Known {
  /** Losses before tun are counted. */
  readonly before: boolean;
  /** A program sees each device end, so that tun cannot be unloaded and loaded elsewhere. */
  readonly endsSeen: boolean;
  /** bpf_rdonly_cast is there. */
  readonly typedReads: boolean;
  /** The queue of a dropped packet tells its row: another packet may have entered on its CPU since (PREEMPT_RT). */
  readonly byQueue: boolean;
}

/** How a dropped packet is known to have been seen offered: the same as in bpf/transmit/transmit.bpf.h. */
export const SEEN = { not: 0, byCpu: 1, byQueue: 2, armed: 3 } as const;
const NEVER_SEEN = -1;

/** The largest number in an unsigned comparison: each address lies below. */
const ALL_ADDRESSES = -1;

/**
 * Numbers known before the programs are loaded. They stand in the instructions: a variable costs each packet two more.
 * Before Linux 6.12 net_device has no `priv`, and the program that asks for its offset is not loaded.
 */
export function instructionConstants(
  host: Pick<Host, 'symbols'> & { readonly btf: Pick<Btf, 'struct'> | undefined },
  { rows, cells, tableOffset }: Pool,
  { before, endsSeen, typedReads, byQueue }: Known,
): Constants {
  const [tun, tap] = ((endsSeen && host.symbols?.deviceOperations()) || []).map(asImmediate);
  return new Map([
    [ROWS_MASK_PLACE, rows - 1],
    [CELLS_MASK_PLACE, cells - 1],
    [TABLE_OFFSET_PLACE, tableOffset],
    [OWN_TEXT_PLACE, asImmediate(ownTextFrom(host.symbols))],
    [UNCOUNTED_PLACE, before ? 0 : ALL_ADDRESSES],
    [TUN_OPS_PLACE, tun ?? 0],
    [TAP_OPS_PLACE, tap ?? 0],
    [UNKNOWN_OPS_PLACE, tun && tap ? 0 : ALL_ADDRESSES],
    [ENDS_UNSEEN_PLACE, endsSeen ? 0 : ALL_ADDRESSES],
    [BY_QUEUE_PLACE, byQueue ? SEEN.byQueue : NEVER_SEEN],
    [UNTYPED_PLACE, typedReads ? 0 : ALL_ADDRESSES],
    [PRIVATE_PLACE, host.btf?.struct('net_device')?.fields.find(({ name }) => name === 'priv')?.offset ?? 0],
  ]);
}

/** An address that an instruction has room for, as the kernel's own have on x86; any other: 0, below which none lies. */
function asImmediate(address: bigint): number {
  const signed = BigInt.asIntN(64, address);
  return signed < 0n && signed >= -(2n ** 31n) ? Number(signed) : 0;
}
