// SPDX-License-Identifier: Apache-2.0
// Counters of a queue that are summed over CPUs and shown as they are. A new one is a line here. In C it is a field of struct row
// (bpf/rows/queue.bpf.h), while there is room in its four cache lines. Else it is an enum queue_event (bpf/rows/queue-events.bpf.h): `resized`
// is EVENT_RESIZED there.

/** What programs must see so that 0 means none. freed: packets that are freed; returned: packets that vhost-net gives back. */
export type Seen = 'freed' | 'returned';

/** Packets. The key names the field in the sums and in a snapshot. */
export const ROW_COUNTERS = {
  /** Thrown out of the ring with its queue. */
  purged: 'freed',
  /** Thrown out of the ring by a smaller txqueuelen. */
  resized: 'freed',
  /** Taken out of the ring by a reader whose buffer could not be filled. */
  failed: 'freed',
  /** Given back by vhost-net, into the ring or, without room, lost. */
  unproduced: 'returned',
  /** Did not fit back into the ring when vhost-net gave them back. */
  overflowed: 'freed',
} as const satisfies Readonly<Record<string, Seen>>;

export type RowCounter = keyof typeof ROW_COUNTERS;

/** undefined: no mechanism measures it on this host, or at this level; absent: the recording is of an older version. */
export type RowCounts = { readonly [Name in RowCounter]?: number | undefined };
