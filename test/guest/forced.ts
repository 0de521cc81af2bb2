// SPDX-License-Identifier: Apache-2.0
// What is different from the truth where a mechanism is not the best: nothing, or figures that are missing then.
import { namesOf } from '../host/checked-json.ts';
import { type Seen, TRUTH } from './all-events.ts';

type Name = keyof Seen;

/** undefined: the figure is not measured then, and no series shows it. */
type Difference = Readonly<Partial<Record<Name, number | undefined>>>;

const SAME: Difference = {};
/** Figures that are missing where packets are counted neither when taken nor at the exit of the transmit function. */
export const NOT_TAKEN = unknown('consumed', 'batched', 'queue imbalance');
/** Raw tracepoints see that exit. */
const EXITS_SEEN: Difference = { 'queue imbalance': TRUTH['queue imbalance'] };
const FROM_RTNETLINK: readonly string[] = ['received', 'transmitted', 'transmit dropped', 'device marks'];

/** The differences by EVENT=MECHANISM, for each mechanism that is not the best of its event. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'devices=rtnetlink': unknown(...namesOf(TRUTH).filter((name) => !FROM_RTNETLINK.includes(name))),
  'ended=identity': { ...NOT_TAKEN, ...EXITS_SEEN },
  'last-counters=raw-tracepoint': SAME,
  'last-counters=none': SAME,
  'freed=raw-tracepoint': SAME,
  'freed=location': SAME,
  'queue-changes=walk': SAME,
  'queue-changes=none': unknown('queue changes'),
  'transmit=raw-tracepoint': EXITS_SEEN,
  'transmit=arithmetic': unknown('queue imbalance'),
  'consumed=arithmetic': NOT_TAKEN,
  'consumed=fentry-preempted': unknown('consumed', 'queue imbalance'),
  'consumed=device-counter': NOT_TAKEN,
  'departures=fexit': SAME,
  'departures=none': SAME,
  'vhost-departures=fexit': SAME,
  'vhost-departures=none': SAME,
  'returned=none': unknown('returned'),
  'vhost=iterator': SAME,
  'vhost=none': SAME,
  'batches=fentry': SAME,
  'batches=none': unknown('batched'),
  'buffers=none': unknown('discarded buffers'),
  'zerocopy=fentry-callback': SAME,
  'zerocopy=none': SAME,
  'allocation=tp_btf': SAME,
  'allocation=none': SAME,
  'transmit-exit=waiting': SAME,
  'transmit-exit=none': SAME,
  'stops=waiting': SAME,
  'stops=none': SAME,
  'redirected=raw-tracepoint': SAME,
  'macvtaps=none': SAME,
  'ipvtaps=none': SAME,
  'macvtap-reads=none': SAME,
  'macvtap-zerocopy=none': SAME,
  'refused=none': unknown('refused writes'),
  'receive-batches=none': unknown('received in batches'),
  'owners=procfs': SAME,
  'programs=none': SAME,
};

/** Further differences where packets are counted when they are taken (Linux 7.3). */
const WHERE_TAKEN: Readonly<Record<string, Difference>> = {
  // What vhost-net gave back counts as taken twice: wrong by so much, and marked.
  'returned=none': { 'device imbalance': TRUTH.returned, 'device marks': 1, 'queue marks': 1 },
};

/** Further differences where taken packets are derived. */
const WHERE_DERIVED: Readonly<Record<string, Difference>> = {
  'transmit=arithmetic': unknown('device imbalance'),
  // A batch counts when it has been used up: this one never was.
  'batches=fentry': { batched: 0 },
};

/** What Prometheus gets with this mechanism, where the best ones get `best`. */
export function expectedOf(mechanism: string, best: Seen): Seen {
  const also = best.consumed === undefined ? WHERE_DERIVED : WHERE_TAKEN;
  return known({ ...best, ...DIFFERENCES[mechanism], ...also[mechanism] });
}

/** The figures without those that are not measured. */
export function known(figures: Difference): Seen {
  return Object.fromEntries(Object.entries(figures).filter(([, packets]) => packets !== undefined));
}

function unknown(...what: readonly Name[]): Difference {
  return Object.fromEntries(what.map((name) => [name, undefined]));
}
