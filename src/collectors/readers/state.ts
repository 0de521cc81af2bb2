// SPDX-License-Identifier: Apache-2.0
// The reader of a queue.
import type { Identity } from '../../snapshot/identity.ts';

/** A process that ran while a reader waited for a CPU: on that CPU, as the agent's samples saw it. */
export interface Rival {
  readonly pid: number;
  /** The name of the thread that was seen last. */
  readonly comm: string;
  /** Samples, since the queue was first seen. */
  readonly looks: number;
  /** undefined: not looked up yet, or it has ended. */
  readonly identity: Identity | undefined;
}

/** What takes the packets out of a queue's ring, and how the time was spent in which that did not suffice. */
export interface Reader {
  /** Its number; undefined: none was seen reading, or several take turns. */
  readonly thread: number | undefined;
  /** Seconds by the state of the reader, since the queue was first seen. */
  readonly fullSeconds: readonly { readonly state: string; readonly seconds: number }[];
  /** Seconds beside those, between two samples of a full or stopped queue, in which it perhaps was neither. */
  readonly uncertainSeconds?: number;
  /** Samples that found it waiting for a CPU, since the queue was first seen, and who had the CPU in most of them. */
  readonly waitingLooks?: number;
  readonly rivals?: readonly Rival[];
}
