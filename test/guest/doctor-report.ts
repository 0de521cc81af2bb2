// SPDX-License-Identifier: Apache-2.0
// What `tapscope doctor --json` says to root where no agent runs: the same to all who ask before modules come or go.

import { readHost } from '../../src/kernel/host.ts';
import { PROBED } from '../../src/subjects/list.ts';
import { tapscope } from '../agent/serve-process.ts';
import { dismissStanding } from '../agent/shared-agent.ts';
import { at, listAt, parseJson, textAt } from '../host/checked-json.ts';
import { isSince } from '../host/release.ts';

interface DoctorReport {
  readonly code: number | null;
  readonly report: unknown;
}

let answer: Promise<DoctorReport> | undefined;

export function doctorReport(): Promise<DoctorReport> {
  answer ??= ask();
  return answer;
}

async function ask(): Promise<DoctorReport> {
  await dismissStanding(); // doctor would tell of it
  const { code, stdout } = await tapscope(['doctor', '--json']);
  return { code, report: parseJson(stdout) };
}

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
  'macvtap-zerocopy': 'none',
  refused: 'fexit',
  'receive-batches': 'fexit',
  'queue-changes': 'fentry',
  // Attached when a device or packets ask for it.
  'transmit-exit': 'waiting',
  stops: underLock ? 'waiting' : 'none',
  backlogs: 'looks',
  readers: 'looks',
  owners: 'iterator',
  programs: 'iterator',
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
  backlogs: 'looks',
  readers: 'looks',
  owners: 'iterator',
};

export const best = isSince(5, 12) ? BEST : OLDEST;

/** The mechanisms in the output of `tapscope doctor --json`; null: the event is not measured. */
export function mechanismsOf(report: unknown): Readonly<Record<string, unknown>> {
  const events = listAt(report, 'events');
  return Object.fromEntries(events.map((event) => [textAt(event, 'event'), at(event, 'mechanism')]));
}

/** For `test(name, { skip: neverStops }, …)`: why tun never stops a queue here, or false. */
export const neverStops: string | false =
  readHost(PROBED).symbols?.address('__tun_wake_queue') === undefined && 'tun never stops a queue here';
