// SPDX-License-Identifier: Apache-2.0
// What can measure a logical event.
import type { Host } from '../kernel/host.ts';
import type { Obstacle } from './obstacles.ts';

export interface Mechanism {
  readonly name: string;
  /** BPF programs that it loads and attaches, all or none; empty: it needs none. */
  readonly programs: readonly string[];
  /** Earlier choices without which it would mean nothing: EVENT=MECHANISM, MECHANISM|MECHANISM, or EVENT= for any. */
  readonly needs: readonly string[];
  /** Used only where --mechanism asks for it: it costs more than most hosts would give for it. */
  readonly onDemand?: boolean;
  /** Keeps the module of the functions that it traces from being unloaded. */
  readonly pins?: boolean;
  /** What is different from the better ones; undefined for the best. */
  readonly price: string | undefined;
  /** Why this host cannot have it; undefined: it may be tried. */
  readonly obstacle: (host: Host) => Obstacle | undefined;
}

/** backpressure: a device with IFF_BACKPRESSURE is there. */
export type Demand = 'backpressure';

export interface ProbeEvent {
  readonly name: string;
  readonly measures: string;
  readonly mechanisms: readonly Mechanism[];
  /** Mechanisms on the enqueue path, which the level `lean` does without. */
  readonly shed?: readonly string[];
  /** Mechanisms that all of the host pays for, attached only while something asks for them. */
  readonly demanded?: { readonly by: Demand; readonly mechanisms: readonly string[] };
}

export const WALK = ['devices=walk'];
