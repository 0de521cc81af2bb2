// SPDX-License-Identifier: Apache-2.0
// What the probes of this moment count, for the walk and for the accounts.
import type { CountingMode } from '../accounting/queue-accounting.ts';
import type { Probes } from '../engine/attach.ts';
import type { Attached } from '../engine/walk.ts';

/** `exits`: the exit of the transmit function is hooked. */
export function attachedBy({ can }: Pick<Probes, 'can'>, exits: boolean): Attached {
  return { stops: can('stops'), consumed: can('takes'), departures: can('departures'), exits };
}

export function modeOf({ can }: Pick<Probes, 'can'>): CountingMode {
  return {
    enqueued: can('offers-derived') ? 'derived' : 'counted',
    taken: can('takes') ? 'counted' : can('takes-derived') ? 'derived' : 'device',
  };
}
