// SPDX-License-Identifier: Apache-2.0
// The mechanism that measures each event on this kernel, where nothing is forced.
import { at, listAt, textAt } from '../host/checked-json.ts';
import { isSince } from '../host/release.ts';

/** Linux 7.3 counts what is taken out of a ring under the ring's lock. */
export const underLock = isSince(7, 3);

export type Mechanisms = Readonly<Record<string, string | null>>;

const BEST: Mechanisms = {
  devices: 'walk',
  'last-counters': 'fentry',
  ended: 'fentry',
  freed: 'tp_btf',
  before: 'raw-tracepoint',
  transmit: 'fentry',
  consumed: underLock ? 'fentry' : 'arithmetic',
  departures: underLock ? 'consumed' : 'none',
  'vhost-departures': underLock ? 'consumed' : 'none',
  returned: 'fentry',
  vhost: 'fentry',
  batches: underLock ? 'consumed' : 'none',
  buffers: 'fentry',
  zerocopy: 'none',
  allocation: 'none',
  redirected: 'fexit',
  macvtaps: 'none',
  ipvtaps: 'none',
  // vhost-net needs their module.
  'macvtap-reads': 'fexit',
  refused: 'fexit',
  'receive-batches': 'fexit',
  'queue-changes': 'fentry',
  // Attached when a device or packets ask for it.
  'transmit-exit': 'waiting',
  stops: underLock ? 'waiting' : 'none',
  readers: 'looks',
  owners: 'iterator',
};

/** Linux 5.10 has no types of modules, so that no function of tun or vhost-net can be traced there, and gives no drop reasons. */
const OLDEST: Mechanisms = {
  ...Object.fromEntries(Object.keys(BEST).map((event) => [event, 'none'])),
  devices: 'walk',
  'last-counters': 'raw-tracepoint',
  ended: 'identity',
  freed: 'location',
  before: 'raw-tracepoint',
  transmit: 'raw-tracepoint',
  consumed: 'arithmetic',
  redirected: 'raw-tracepoint',
  readers: 'looks',
  owners: 'iterator',
};

export const best = isSince(5, 12) ? BEST : OLDEST;

/** The mechanisms in the output of `tapscope doctor --json`; null: the event is not measured. */
export function mechanismsOf(report: unknown): Readonly<Record<string, unknown>> {
  const events = listAt(report, 'events');
  return Object.fromEntries(events.map((event) => [textAt(event, 'event'), at(event, 'mechanism')]));
}
