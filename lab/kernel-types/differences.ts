// SPDX-License-Identifier: Apache-2.0
// What two kernels differ by, of that which tapscope needs. Pure data.
import type { KernelTypes } from './kernel-types.ts';
import type { Needs } from './needs.ts';

export interface Difference {
  readonly what: 'function' | 'tracepoint' | 'type' | 'field' | 'enum value' | 'drop reason';
  readonly name: string;
  /** As declared; undefined: this kernel does not have it. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const REASONS = 'skb_drop_reason';
const REASON_PREFIX = 'SKB_DROP_REASON_';

/** Offsets of fields and numbers of enums are those of the running kernel: where they alone differ, nothing does. */
export function differences(needs: Needs, before: KernelTypes, after: KernelTypes): readonly Difference[] {
  const compared = (
    what: Difference['what'],
    names: readonly string[],
    of: (types: KernelTypes, name: string, index: number) => string | undefined,
  ): readonly Difference[] =>
    names
      .map((name, index) => ({ what, name, before: of(before, name, index), after: of(after, name, index) }))
      .filter((one) => one.before !== one.after);
  const { functions, tracepoints, types, fields, enumValues } = needs;
  const reasons = [...new Set([...reasonsOf(before), ...reasonsOf(after)])].sort();
  return [
    ...compared('function', functions, (kernel, name) => kernel.functionText(name)),
    ...compared('tracepoint', tracepoints, (kernel, name) => kernel.tracepointText(name)),
    ...compared('type', types, (kernel, name) => (kernel.has(name) ? 'there' : undefined)),
    ...compared(
      'field',
      fields.map(([struct, path]) => `${struct}.${path.join('.')}`),
      (kernel, _, index) => kernel.field(...(fields[index] ?? ['', []])),
    ),
    ...compared(
      'enum value',
      enumValues.map(([, value]) => value),
      (kernel, value, index) => (kernel.enumValues(enumValues[index]?.[0] ?? '').has(value) ? 'there' : undefined),
    ),
    ...compared('drop reason', reasons, (kernel, name) => (reasonsOf(kernel).has(name) ? 'there' : undefined)),
  ];
}

function reasonsOf(kernel: KernelTypes): ReadonlySet<string> {
  const names = [...kernel.enumValues(REASONS).keys()].filter((name) => name.startsWith(REASON_PREFIX));
  return new Set(names.map((name) => name.slice(REASON_PREFIX.length)));
}
