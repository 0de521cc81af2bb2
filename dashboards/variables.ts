// SPDX-License-Identifier: Apache-2.0
// What the reader of a dashboard chooses: data source, instance, namespace, owner, device. Each narrows those after it.
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { max, namespaceNames, ownedDevices, type Scope, value } from './query.ts';

export const DATA_SOURCE = { type: 'prometheus', uid: `\${datasource}` };

/** many: any number of each, all at first. one: a single queue's device is looked at. */
export type Choice = 'many' | 'one';

export function variables(choice: Choice): readonly (DatasourceVariableBuilder | QueryVariableBuilder)[] {
  const all: Scope = { agent: '', device: '', queue: '' };
  const ofInstance = { ...all, agent: matcher(choice, 'instance') };
  const inNamespace = [matcher(choice, 'instance'), matcher(choice, 'netns')].join(',');
  const scope: Scope = { agent: ofInstance.agent, device: inNamespace, queue: inNamespace };
  const owners = value(scope, 'tapscope_queue_owner_info').expr;
  const devices = max(ownedDevices(scope), ['device']).expr;
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    chosen(choice, variable('instance', 'Host', `label_values(${value(all, 'tapscope_build_info').expr}, instance)`)),
    chosen(
      choice,
      variable('netns', 'Namespace', `query_result(${namespaceNames(ofInstance, '$1')})`).regex(
        '/name="(?<text>[^"]*)|netns="(?<value>[^"]*)/g',
      ),
    ),
    every(variable('owner', 'VM or owner', `label_values(${owners}, comm)`)),
    chosen(choice, variable('device', 'Device', `query_result(${devices})`).regex('/device="([^"]*)"/')),
  ];
}

export function queueVariable(scope: Scope): QueryVariableBuilder {
  const capacity = value(scope, 'tapscope_ring_capacity_packets').expr;
  return every(variable('queue', 'Queue', `label_values(${capacity}, queue)`));
}

export function matcher(choice: Choice, label: string): string {
  return choice === 'many' ? `${label}=~"$${label}"` : `${label}="$${label}"`;
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
