// SPDX-License-Identifier: Apache-2.0
// Counters of a queue that are sums over CPUs and shown as they are. A new one is an entry here, from which its sum, its field in a snapshot and its
// metric follow. In C it is an enum queue_event (bpf/rows/queue-events.bpf.h) of its name: `truncated` is EVENT_TRUNCATED. What each packet adds to is a
// field of struct row (bpf/rows/queue.bpf.h), whose cache lines are full.

interface QueueCounter {
  /** What a mechanism must provide so that 0 means none. */
  readonly needs: string;
  readonly metric: string;
  readonly help: string;
}

/** Packets. The key names the field in the sums and in a snapshot. */
export const QUEUE_COUNTERS = {
  purged: {
    needs: 'drops',
    metric: 'tapscope_queue_purged_packets_total',
    help: 'Packets thrown out of the ring when the queue was detached or deleted, never seen by the guest or reader (tun_queue_purge); no kernel counter knows them.',
  },
  resized: {
    needs: 'drops',
    metric: 'tapscope_queue_resized_packets_total',
    help: 'Packets thrown out of the ring by a smaller txqueuelen, never seen by the guest or reader (tun_device_event, ptr_ring_resize_multiple); no kernel counter knows them.',
  },
  failed: {
    needs: 'drops',
    metric: 'tapscope_queue_failed_packets_total',
    help: 'Packets taken out of the ring by a reader whose buffer could not be filled, lost (tun_do_read); no kernel counter knows them.',
  },
  unproduced: {
    needs: 'returned',
    metric: 'tapscope_queue_unproduced_packets_total',
    help: 'Packets that vhost-net took and gave back, those lost for want of room included (vhost_net_buf_unproduce); consumed counts them again.',
  },
  overflowed: {
    needs: 'drops',
    metric: 'tapscope_queue_overflowed_packets_total',
    help: 'Packets that did not fit back into the ring when vhost returned them, lost (vhost_net_buf_unproduce); no kernel counter knows them.',
  },
} as const satisfies Readonly<Record<string, QueueCounter>>;

export type CounterName = keyof typeof QUEUE_COUNTERS;

export const COUNTER_NAMES = Object.keys(QUEUE_COUNTERS).filter((name): name is CounterName => name in QUEUE_COUNTERS);

/** undefined: no mechanism measures it on this host, or at this level; absent: the recording is of an older version. */
export type CounterValues = { readonly [Name in CounterName]?: number | undefined };

export function forEachCounter<Value>(value: (name: CounterName) => Value): Record<CounterName, Value> {
  const made: Partial<Record<CounterName, Value>> = {};
  for (const name of COUNTER_NAMES) made[name] = value(name);
  if (!isWhole(made)) throw new Error('A counter has no value.');
  return made;
}

function isWhole<Value>(made: Partial<Record<CounterName, Value>>): made is Record<CounterName, Value> {
  return COUNTER_NAMES.every((name) => name in made);
}
