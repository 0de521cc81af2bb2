// SPDX-License-Identifier: Apache-2.0
// Links from a row, line or panel of a dashboard: to its host, queue or guest, to the agent's live page, and to the runbook.
// Grafana escapes the values.
import { ConstantVariableBuilder, VariableHide, type VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import { DEVICE, QUEUE } from '../promql/query.ts';

export const FLEET_UID = 'tapscope-fleet';
export const HOST_UID = 'tapscope-host';
export const BACKPRESSURE_UID = 'tapscope-backpressure';
export const AGENT_UID = 'tapscope-agent';
export const VM_UID = 'tapscope-vm';
export const QUEUE_UID = 'tapscope-queue';

/** Hidden variables of every dashboard: where docs/runbooks can be read, and what stands before an agent's host:port. */
export const ADDRESSES: readonly { build(): VariableModel }[] = [
  hidden(new ConstantVariableBuilder('runbooks').label('Address of docs/runbooks').value('/public/tapscope/runbooks')),
  hidden(new ConstantVariableBuilder('pages').label('Before the host of a live page').value('http://')),
];

/** The library has no call for it. */
function hidden(builder: ConstantVariableBuilder): { build(): VariableModel } {
  return { build: () => ({ ...builder.build(), hide: VariableHide.HideVariable }) };
}

const ofRow = (label: string): string => `\${__data.fields["${label}"]}`;
const ofLine = (label: string): string => `\${__field.labels["${label}"]}`;

export const QUEUE_LINK_OF_ROW = link(QUEUE_UID, QUEUE, ofRow);
export const DEVICE_LINK_OF_ROW = link(QUEUE_UID, DEVICE, ofRow);
export const QUEUE_LINK = link(QUEUE_UID, QUEUE, ofLine);
export const HOST_LINK_OF_ROW = link(HOST_UID, ['instance'], ofRow);
export const GUEST_LINK_OF_ROW = link(VM_UID, ['instance', 'netns', 'guest'], ofRow);

/** The live page shows its queue, or all where the row names none. */
export const PAGE_LINK_OF_ROW = `\${pages:raw}\${__data.fields["instance"]:raw}/#/queue/${['netns', 'device', 'queue'].map(ofRow).join('/')}`;
export const RULE_LINK_OF_ROW = `\${runbooks:raw}/../rules.md#${ofRow('rule')}`;

export function runbookLink(alert: string): string {
  return `\${runbooks:raw}/${alert}.md`;
}

function link(to: string, labels: readonly string[], of: (label: string) => string): string {
  const chosen = labels.map((label) => `var-${label}=${of(label)}`);
  return `/d/${to}?\${__url_time_range}&\${datasource:queryparam}&${chosen.join('&')}`;
}
