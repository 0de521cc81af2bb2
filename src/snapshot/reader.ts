// SPDX-License-Identifier: Apache-2.0
// What is known of a queue's reader.

/** What takes the packets out of a queue's ring, and how the time was spent in which that did not suffice. */
export interface Reader {
  /** Its number; undefined: none was seen reading, or several take turns. */
  readonly thread: number | undefined;
  /** By what the reader did, since the queue was first seen. */
  readonly fullSeconds: readonly { readonly state: string; readonly seconds: number }[];
  /** Seconds beside those, between two looks at a full or stopped queue, in which it perhaps was neither. */
  readonly uncertainSeconds?: number;
}
