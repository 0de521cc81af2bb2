// SPDX-License-Identifier: Apache-2.0
// From a row or line of one dashboard to the host, queue or guest that it is about. Grafana escapes the values.
import { DEVICE, QUEUE } from '../promql/query.ts';

export const FLEET_UID = 'tapscope-fleet';
export const HOST_UID = 'tapscope-host';
export const BACKPRESSURE_UID = 'tapscope-backpressure';
export const VM_UID = 'tapscope-vm';
export const QUEUE_UID = 'tapscope-queue';

const ofRow = (label: string): string => `\${__data.fields["${label}"]}`;
const ofLine = (label: string): string => `\${__field.labels["${label}"]}`;

export const QUEUE_LINK_OF_ROW = link(QUEUE_UID, QUEUE, ofRow);
export const DEVICE_LINK_OF_ROW = link(QUEUE_UID, DEVICE, ofRow);
export const QUEUE_LINK = link(QUEUE_UID, QUEUE, ofLine);
export const HOST_LINK_OF_ROW = link(HOST_UID, ['instance'], ofRow);
export const GUEST_LINK_OF_ROW = link(VM_UID, ['instance', 'netns', 'guest'], ofRow);

function link(to: string, labels: readonly string[], of: (label: string) => string): string {
  const chosen = labels.map((label) => `var-${label}=${of(label)}`);
  return `/d/${to}?\${__url_time_range}&\${datasource:queryparam}&${chosen.join('&')}`;
}
