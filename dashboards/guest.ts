// SPDX-License-Identifier: Apache-2.0
// What the dashboard of one guest shows: the devices of the VM, container or VPN that its variables name.
import { DEVICE, guestDevices, only, type Query, type Scope } from './query.ts';
import { matcher } from './variables.ts';

const agent = matcher('one', 'instance');
const device = [agent, matcher('many', 'netns'), matcher('many', 'device')].join(',');

export const scope: Scope = { agent, device, queue: device };

export function ofGuest(query: Query): Query {
  return only(query, DEVICE, guestDevices(scope));
}
