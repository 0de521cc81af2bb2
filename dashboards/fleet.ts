// SPDX-License-Identifier: Apache-2.0
// What a dashboard of many hosts shows: the devices that its variables leave.
import { DEVICE, only, ownedDevices, type Query, type Scope } from './query.ts';
import { matcher } from './variables.ts';

const agent = matcher('many', 'instance');
const device = [agent, matcher('many', 'netns'), matcher('many', 'device')].join(',');

export const scope: Scope = { agent, device, queue: device };

export function owned(query: Query): Query {
  return only(query, DEVICE, ownedDevices(scope));
}
