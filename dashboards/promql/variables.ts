// SPDX-License-Identifier: Apache-2.0
// Variables of a dashboard: data source, instance, namespace, owner or guest, device. Each narrows those after it.
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { guestDevices, guests, max, namespaceNames, ownedDevices, type Query, type Scope, value } from './query.ts';

export const DATA_SOURCE = { type: 'prometheus', uid: `\${datasource}` };

const ALL: Scope = { agent: '', device: '', queue: '' };

/** many: any number of each, all at first. one: a single queue's device is looked at. */
export type Choice = 'many' | 'one';

export function variables(choice: Choice): readonly (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  const ofInstance = { ...ALL, agent: matcher(choice, 'instance') };
  const inNamespace = [matcher(choice, 'instance'), matcher(choice, 'netns')].join(',');
  const scope: Scope = { agent: ofInstance.agent, device: inNamespace, queue: inNamespace };
  const owners = value(scope, 'tapscope_queue_owner_info').expr;
  return [
    dataSource(),
    chosen(choice, host()),
    chosen(choice, namespace(ofInstance)),
    every(variable('owner', 'VM or owner', `label_values(${owners}, comm)`)),
    chosen(choice, device(max(ownedDevices(scope), ['device']))),
  ];
}

/** The agents of any number of hosts. */
export function agentVariables(): readonly (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  return [dataSource(), every(host())];
}

/** One guest of one host: all its devices at first, in all its namespaces. */
export function guestVariables(): readonly (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  const agent = matcher('one', 'instance');
  const scope: Scope = { ...ALL, agent, device: [agent, matcher('many', 'netns')].join(',') };
  return [
    dataSource(),
    host(),
    every(namespace({ ...ALL, agent })),
    variable('guest', 'VM, container or VPN', `query_result(${max(guests(scope), ['guest']).expr})`).regex(
      '/guest="(.*)"}/',
    ),
    every(device(max(guestDevices(scope), ['device']))),
  ];
}

export function queueVariable(scope: Scope): QueryVariableBuilder {
  const capacity = value(scope, 'tapscope_ring_capacity_packets').expr;
  return every(variable('queue', 'Queue', `label_values(${capacity}, queue)`));
}

export function matcher(choice: Choice, label: string): string {
  return choice === 'many' ? `${label}=~"$${label}"` : `${label}="$${label}"`;
}

export function dataSource(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
}

function host(): QueryVariableBuilder {
  return variable('instance', 'Host', `label_values(${value(ALL, 'tapscope_build_info').expr}, instance)`);
}

function namespace(ofInstance: Scope): QueryVariableBuilder {
  return variable('netns', 'Namespace', `query_result(${namespaceNames(ofInstance)})`).regex(
    '/name="(?<text>[^"]*)|netns="(?<value>[^"]*)/g',
  );
}

function device({ expr }: Query): QueryVariableBuilder {
  return variable('device', 'Device', `query_result(${expr})`).regex('/device="([^"]*)"/');
}

function chosen(choice: Choice, builder: QueryVariableBuilder): QueryVariableBuilder {
  return choice === 'many' ? every(builder) : builder;
}

/** ".*" also matches series without the label: queues at --detail device, devices without an owner. */
function every(builder: QueryVariableBuilder): QueryVariableBuilder {
  return builder
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });
}

function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc);
}
