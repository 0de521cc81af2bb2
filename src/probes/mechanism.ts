// SPDX-License-Identifier: Apache-2.0
// What can measure a logical event, and what can stand in its way on a host.
import type { Host } from '../kernel/host.ts';

/** absent: this kernel does not have it, and nothing needs to be done; refused: it has it, but not for us. */
export interface Obstacle {
  readonly kind: 'absent' | 'refused';
  /** One sentence without its full stop. */
  readonly reason: string;
}

export interface Mechanism {
  readonly name: string;
  /** BPF programs that it loads and attaches, all or none; empty: it needs none. */
  readonly programs: readonly string[];
  /** Earlier choices without which it would mean nothing: EVENT=MECHANISM, MECHANISM|MECHANISM, or EVENT= for any. */
  readonly needs: readonly string[];
  /** Keeps the module of the functions that it traces from being unloaded. */
  readonly pins?: boolean;
  /** What is different from the better ones; undefined for the best. */
  readonly price: string | undefined;
  /** Why this host cannot have it; undefined: it may be tried. */
  readonly obstacle: (host: Host) => Obstacle | undefined;
}

export interface ProbeEvent {
  readonly name: string;
  readonly measures: string;
  readonly mechanisms: readonly Mechanism[];
  /** Mechanisms on the enqueue path, which the level `lean` does without. */
  readonly shed?: readonly string[];
}

export const always = (): undefined => undefined;
export const WALK = ['devices=walk'];

export function missing(host: Host, functionName: string): Obstacle | undefined {
  if (!host.symbols) return withoutSymbols(host);
  return host.symbols.address(functionName) === undefined
    ? { kind: 'absent', reason: `this kernel has no function ${functionName}` }
    : undefined;
}

export function untraceable(host: Host, functionName: string, args: number): Obstacle | undefined {
  const without = missing(host, functionName);
  if (without) return without;
  const found = host.functionArgs(functionName);
  if (found === undefined)
    return {
      kind: 'refused',
      reason: `the types (BTF) of ${functionName} cannot be read; those of a module need CAP_SYS_ADMIN`,
    };
  return found === args
    ? undefined
    : { kind: 'absent', reason: `${functionName} takes ${found} arguments here, not ${args}` };
}

export function withoutSymbols(host: Host): Obstacle | undefined {
  if (host.symbols) return undefined;
  return {
    kind: 'refused',
    reason: 'kernel symbol addresses are hidden; grant CAP_SYSLOG and set kernel.kptr_restrict below 2',
  };
}
