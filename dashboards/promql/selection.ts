// SPDX-License-Identifier: Apache-2.0
// Selection by a dashboard's variables: the devices of the chosen hosts, or of one guest.
import { DEVICE, guestDevices, only, ownedDevices, type Query, rate, type Scope, sum, value } from './query.ts';
import { type Choice, matcher } from './variables.ts';

export interface Selection {
  readonly scope: Scope;
  /** Leaves the chosen devices of a query that has a series for each device or queue. */
  readonly of: (query: Query) => Query;
  readonly perSecond: (name: string, by?: readonly string[], matcher?: string) => Query;
  /** A gauge. */
  readonly now: (name: string) => Query;
}

export const fleet = selection('many', ownedDevices);
export const guest = selection('one', guestDevices);

function selection(hosts: Choice, devices: (scope: Scope) => Query): Selection {
  const agent = matcher(hosts, 'instance');
  const device = [agent, matcher('many', 'netns'), matcher('many', 'device')].join(',');
  const scope: Scope = { agent, device, queue: device };
  const of = (query: Query): Query => only(query, DEVICE, devices(scope));
  return {
    scope,
    of,
    perSecond: (name, by = [], matching = '') => sum(of(rate(scope, name, matching)), by),
    now: (name) => of(value(scope, name)),
  };
}
