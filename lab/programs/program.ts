// SPDX-License-Identifier: Apache-2.0
// A real program behind a device: how it is started, who it is, and what it says of its own traffic.
import type { Need } from '../../test/host/need.ts';
import type { Stage } from './places.ts';

export interface Program {
  readonly name: string;
  /** Where it comes from. */
  readonly from: string;
  readonly needs: readonly Need[];
  /** Other reasons why it cannot run here; undefined: none. */
  readonly unavailable?: () => string | undefined;
  /** What it manages on a busy machine; undefined: what most do. */
  readonly load?: Load;
  /** What of it cannot be asked, and why. */
  readonly cannot?: Readonly<Partial<Record<CheckName, string>>>;
  /** Resolves when packets pass. */
  readonly start: (stage: Stage) => Promise<Running>;
}

/** How much traffic a check sends. */
export interface Load {
  /** Datagrams, and how many a second: fewer than the program manages on a busy machine. */
  readonly datagrams: number;
  readonly perSecond: number;
  /** TCP in each direction. */
  readonly seconds: number;
  /** Bits per second at which a healthy host must be OK. */
  readonly calmBits: number;
}

export type CheckName = 'owner' | 'reader' | 'exact UDP' | 'exact TCP';

export const CHECKS: readonly CheckName[] = ['owner', 'reader', 'exact UDP', 'exact TCP'];

export interface Running {
  readonly device: string;
  readonly queues: number;
  readonly pid: number;
  readonly comm: string;
  /** The name that tapscope gives to this kind; '': a program that it does not know. */
  readonly program: string;
  /** '': it is none. */
  readonly vm: string;
  /** What lies beyond the device, and near's own address towards it. */
  readonly beyond: string;
  readonly here: string;
  /** A command beyond the program: in namespace `far`, in the guest, outside of the container. */
  remote(command: string): Promise<string>;
  /** Datagrams that came to SINK_PORT beyond the program, by that kernel's own count. */
  arrived(): Promise<number>;
  /** What the program counted itself; undefined: it counts nothing. */
  readonly own: (() => Promise<OwnCounts>) | undefined;
}

/** A program counts packets or bytes, or packets on the other side of its encryption. */
export interface OwnCounts {
  readonly of: string;
  readonly unit: 'packets' | 'bytes';
  /** Packets that the program took from the device, and gave to it. */
  readonly taken: number;
  readonly given: number;
}
