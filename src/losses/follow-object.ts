// SPDX-License-Identifier: Apache-2.0
// The BPF object of those who follow losses, loaded and attached by the best way that this kernel allows.

import {
  bytes32,
  bytes64,
  explainLoad,
  firstLine,
  kernelTypes,
  openObject,
  setRange,
  writeTextRanges,
} from '../engine/open-object.ts';
import { type ReasonNames, readReasonNames, reasonFlags } from '../engine/reasons.ts';
import { withoutSymbols } from '../engine/unavailable.ts';
import { errnoOf } from '../kernel/error-name.ts';
import type { Host } from '../kernel/host.ts';
import type { BpfLink, BpfObject } from '../kernel/native.ts';

export interface FollowOptions {
  /** Single packets a second; 0: counts only. */
  readonly rate: number;
  /** The stack of the first packet of each device, queue, reason and function. */
  readonly stacks: boolean;
  /** Name of the only reason of single packets; undefined: all. */
  readonly reason: string | undefined;
  /** Only devices in `chosen` are followed. */
  readonly chosenOnly: boolean;
  /** The only mechanism, as the event `freed` has it; undefined: the best that this kernel allows. */
  readonly mechanism: string | undefined;
}

export class UnknownReason extends Error {
  readonly reason: string;
  /** Those of this kernel. */
  readonly known: readonly string[];

  constructor(reason: string, known: readonly string[]) {
    super(`This kernel has no drop reason ${reason}.`);
    this.reason = reason;
    this.known = known;
  }
}

export interface FollowObject {
  readonly object: BpfObject;
  readonly program: string;
  readonly link: BpfLink;
  readonly reasons: ReasonNames;
}

/** The program of each mechanism; tp_btf costs fewer instructions, and some hosts refuse it. */
const PROGRAMS: Readonly<Record<string, string>> = { tp_btf: 'follow_typed', 'raw-tracepoint': 'follow_raw' };
/** Where the kernel gives no reasons. */
const LOCATED: Readonly<Record<string, string>> = { location: 'follow_located' };
const TICK = 'tick';
/** Bytes for one packet or stack in the ring buffer: more than it takes. */
const RECORD_BYTES = 512;
const LEAST_RING_BYTES = 262_144;

/** Throws one sentence where losses cannot be followed. */
export function openFollow(host: Host, options: FollowOptions): FollowObject {
  const reasons = readReasonNames(kernelTypes(host), host.reasonTypes);
  const hidden = withoutSymbols(host);
  if (hidden) throw new Error(`Losses cannot be followed: ${hidden.reason}.`);
  if (options.reason !== undefined && options.reason !== UNTRACED && reasons.number(options.reason) === undefined)
    throw new UnknownReason(options.reason, reasons.all);
  const programs = Object.entries(host.limits.dropReasons ? PROGRAMS : LOCATED).filter(
    ([name]) => name === (options.mechanism ?? name),
  );
  const last = programs.at(-1)?.[1];
  if (last === undefined) throw new Error(`Losses cannot be followed: --mechanism freed=${options.mechanism}.`);
  let typedReads = host.functionArgs('bpf_rdonly_cast') !== undefined;
  const refused: unknown[] = [];
  for (const program of [...programs.map(([, program]) => program), last]) {
    try {
      return { ...attach(host, program, typedReads, reasons, options), program, reasons };
    } catch (error) {
      refused.push(error);
      // A raw tracepoint may be refused for its typed reads alone.
      if (program === last) typedReads = false;
    }
  }
  const error = refused.at(-1);
  throw new Error(`Losses cannot be followed: ${errnoOf(error) === 'EPERM' ? explainLoad(error) : firstLine(error)}.`);
}

/** What the kernel gives no reason for, because it freed the packet without a trace. */
export const UNTRACED = 'UNTRACED';

function attach(
  host: Host,
  program: string,
  typedReads: boolean,
  reasons: ReasonNames,
  { rate, stacks, reason, chosenOnly }: FollowOptions,
): { object: BpfObject; link: BpfLink } {
  const object = openObject('follow', host.limits);
  try {
    for (const { name } of object.programs) object.setAutoload(name, name === program || name === TICK);
    object.setVariable('typed_reads', Uint8Array.of(Number(typedReads)));
    object.setVariable('chosen_only', Uint8Array.of(Number(chosenOnly)));
    object.setVariable('packets_wanted', Uint8Array.of(Number(rate > 0)));
    object.setVariable('stacks_wanted', Uint8Array.of(Number(stacks)));
    object.setVariable('reason_wanted', bytes32(reason === undefined ? 0 : (reasons.number(reason) ?? 0)));
    object.setVariable('reason_not_specified', bytes32(reasons.number('NOT_SPECIFIED') ?? 0));
    object.setVariable('reason_consumed', bytes32(reasons.number('CONSUMED') ?? 0xffffffff));
    object.setVariable('reason_flags', reasonFlags(reasons));
    setRange(object, host, 'kfree_skb_list', 'kfree_skb_list');
    object.setVariable('sock_rfree_address', bytes64(host.symbols?.address('sock_rfree') ?? 0n));
    object.setMaxEntries('records', Math.max(LEAST_RING_BYTES, 2 ** Math.ceil(Math.log2(rate * RECORD_BYTES))));
    object.load(host.modules);
    writeTextRanges(object, host);
    return { object, link: object.attach(program) };
  } catch (error) {
    object.close();
    throw error;
  }
}
