// SPDX-License-Identifier: Apache-2.0
// Every logical event, by collector, and the mechanisms that can measure it, best first. What an event needs stands before it.
import type { ProbeEvent } from '../engine/mechanism.ts';
import { ALLOCATION_EVENTS } from './allocation/events.ts';
import { DEPARTURE_EVENTS } from './departures/events.ts';
import { DEVICE_EVENTS } from './devices/events.ts';
import { DROP_EVENTS } from './drops/events.ts';
import { ENDED_EVENTS } from './ended/events.ts';
import { MACVTAP_EVENTS } from './macvtap/events.ts';
import { OWNER_EVENTS } from './owners/events.ts';
import { QUEUE_CHANGE_EVENTS } from './queue-changes/events.ts';
import { READER_EVENTS } from './readers/events.ts';
import { RECEIVE_EVENTS } from './receive/events.ts';
import { REDIRECT_EVENTS } from './redirect/events.ts';
import { STOP_EVENTS } from './stops/events.ts';
import { TRANSMIT_EVENTS } from './transmit/events.ts';
import { VHOST_EVENTS } from './vhost/events.ts';

export const EVENTS: readonly ProbeEvent[] = [
  ...DEVICE_EVENTS,
  ...ENDED_EVENTS,
  ...DROP_EVENTS,
  ...QUEUE_CHANGE_EVENTS,
  ...TRANSMIT_EVENTS,
  ...DEPARTURE_EVENTS,
  ...VHOST_EVENTS,
  ...ALLOCATION_EVENTS,
  ...STOP_EVENTS,
  ...REDIRECT_EVENTS,
  ...MACVTAP_EVENTS,
  ...RECEIVE_EVENTS,
  ...READER_EVENTS,
  ...OWNER_EVENTS,
];

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
