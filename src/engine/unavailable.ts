// SPDX-License-Identifier: Apache-2.0
// Why a host cannot have a mechanism.
import type { Host } from '../kernel/host.ts';

/** absent: this kernel does not have it, and nothing needs to be done; refused: it has it, but not for us. */
export interface Unavailable {
  readonly kind: 'absent' | 'refused';
  /** One sentence without its full stop. */
  readonly reason: string;
}

export const always = (): undefined => undefined;

export function missing(host: Host, functionName: string): Unavailable | undefined {
  if (!host.symbols) return withoutSymbols(host);
  return host.symbols.address(functionName) === undefined
    ? { kind: 'absent', reason: `this kernel has no function ${functionName}` }
    : undefined;
}

export function untraceable(host: Host, functionName: string, ...args: readonly number[]): Unavailable | undefined {
  const without = missing(host, functionName);
  if (without) return without;
  const found = host.functionArgs(functionName);
  if (found === undefined)
    return {
      kind: 'refused',
      reason: host.hasModuleTypes
        ? `the types (BTF) of ${functionName} cannot be read; those of a module need CAP_SYS_ADMIN`
        : 'this kernel has no types (BTF) of modules, which came with Linux 5.11',
    };
  return args.includes(found)
    ? undefined
    : { kind: 'absent', reason: `${functionName} takes ${found} arguments here, not ${args.join(' or ')}` };
}

/** A program that readers run under the ring's lock: on PREEMPT_RT that lock sleeps, and the kernel runs no program twice on a CPU. */
export function preemptible({ isRealtime }: Host): Unavailable | undefined {
  const reason =
    'PREEMPT_RT may preempt a reader in this program, and skips it for other readers of that CPU meanwhile';
  return isRealtime ? { kind: 'absent', reason } : undefined;
}

export function unlessPreemptible({ isRealtime }: Host): Unavailable | undefined {
  return isRealtime ? undefined : { kind: 'absent', reason: 'this kernel is not PREEMPT_RT' };
}

export function withoutReasons(host: Host): Unavailable | undefined {
  const reason = 'this kernel gives no drop reasons, which came with Linux 5.17';
  return host.limits.dropReasons ? undefined : { kind: 'absent', reason };
}

export function unlessWithoutReasons(host: Host): Unavailable | undefined {
  return host.limits.dropReasons ? { kind: 'absent', reason: 'this kernel gives a reason for each drop' } : undefined;
}

/** Where each CPU's counters lie: by a map's value on that CPU, or by the kernel's own table. */
export function withoutOffsets(host: Host): Unavailable | undefined {
  if (host.limits.othersValues || host.symbols?.address('__per_cpu_offset') !== undefined) return undefined;
  const reason =
    'before Linux 5.19 this needs the address of __per_cpu_offset: CAP_SYSLOG, kernel.kptr_restrict below 2, CONFIG_KALLSYMS_ALL';
  return { kind: 'refused', reason };
}

export function withoutSymbols(host: Host): Unavailable | undefined {
  if (host.symbols) return undefined;
  return {
    kind: 'refused',
    reason: 'kernel symbol addresses are hidden; grant CAP_SYSLOG and set kernel.kptr_restrict below 2',
  };
}
