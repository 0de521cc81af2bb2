// SPDX-License-Identifier: Apache-2.0
// Every subject. Nothing else names them all: events, readers, metrics and pages follow from this list.
import type { ProbeEvent } from '../engine/mechanism.ts';
import { ENGINE_SYMBOLS } from '../engine/probe-symbols.ts';
import type { Subject } from '../engine/subject.ts';
import type { Names } from '../kernel/host.ts';
import type { Direction, Metric } from '../snapshot/metric.ts';
import { allocation } from './allocation.ts';
import { deletedDevices } from './deleted-devices.ts';
import { devices } from './devices.ts';
import { freed } from './freed.ts';
import { macvtap } from './macvtap.ts';
import { owners } from './owners.ts';
import { programSide } from './program-side.ts';
import { qdisc } from './qdisc.ts';
import { queueChanges } from './queue-changes.ts';
import { readers } from './readers.ts';
import { receive } from './receive.ts';
import { redirect } from './redirect.ts';
import { ring } from './ring.ts';
import { self } from './self.ts';
import { stops } from './stops.ts';
import { surroundings } from './surroundings.ts';
import { transmit } from './transmit.ts';
import { vhost } from './vhost.ts';
import { vhostReceive } from './vhost-receive.ts';
import { ways } from './ways.ts';

/** An event needs others of subjects before its own. */
export const SUBJECTS: readonly Subject[] = [
  devices,
  deletedDevices,
  freed,
  queueChanges,
  transmit,
  ring,
  vhost,
  allocation,
  stops,
  qdisc,
  redirect,
  macvtap,
  receive,
  vhostReceive,
  readers,
  owners,
  surroundings,
  ways,
  programSide,
  self,
];

export const EVENTS: readonly ProbeEvent[] = SUBJECTS.flatMap(({ events }) => events);

/** For readHost(). */
export const PROBED: Names = {
  symbols: [...ENGINE_SYMBOLS, ...SUBJECTS.flatMap(({ symbols }) => symbols ?? [])],
  modules: SUBJECTS.flatMap(({ modules }) => modules ?? []),
};

export const queueMetrics = SUBJECTS.flatMap(({ metrics, direction }) => withDirection(metrics?.queue, direction));
/** Shown at `--detail cpu` alone. */
export const cpuMetrics = SUBJECTS.flatMap(({ metrics, direction }) => withDirection(metrics?.cpu, direction));
export const deviceMetrics = SUBJECTS.flatMap(({ metrics, direction }) => withDirection(metrics?.device, direction));
export const agentMetrics = SUBJECTS.flatMap(({ metrics }) => metrics?.agent ?? []);

function withDirection<Of>(metrics: readonly Metric<Of>[] = [], direction?: Direction): readonly Metric<Of>[] {
  return metrics.map((metric) => ({ direction, ...metric }));
}

/** `--mechanism EVENT=NAME`, checked: an unknown word is one clear sentence. */
export function parseForced(choices: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    choices.map((choice) => {
      const [eventName = '', mechanism = ''] = choice.split('=');
      const event = EVENTS.find(({ name }) => name === eventName);
      if (!event)
        throw new Error(
          `--mechanism ${choice}: there is no event '${eventName}'. Use one of ${EVENTS.map(({ name }) => name).join(', ')}.`,
        );
      const known = event.mechanisms.map(({ name }) => name);
      if (!known.includes(mechanism) && mechanism !== 'off')
        throw new Error(
          `--mechanism ${choice}: ${eventName} has no mechanism '${mechanism}'. Use one of ${[...known, 'off'].join(', ')}.`,
        );
      return [eventName, mechanism] as const;
    }),
  );
}
