// SPDX-License-Identifier: Apache-2.0
// The dashboard Agent: can the figures be believed, what did the agent not see, and what does watching cost.
import { type Dashboard, type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { ofAgents } from '../promql/process-query.ts';
import { either, increase, marked, max, type Query, rate, type Scope, sum, times, value } from '../promql/query.ts';
import { agentVariables, matcher } from '../promql/variables.ts';
import { withTrust } from './agent-trust.ts';
import { AGENT_UID, HOST_LINK_OF_ROW } from './data-links.ts';
import { emptyDashboard } from './empty-dashboard.ts';
import { withMarks } from './findings.ts';
import { stat, timeseries } from './panels.ts';
import { table } from './table-panel.ts';

const agent = matcher('many', 'instance');
const scope: Scope = { agent, device: agent, queue: agent };
const HOST = ['instance'];
const OF_HOST = '{{process}}, {{instance}}';
/** Where --budget says nothing. */
const DEFAULT_BUDGET = 0.01;

const perSecond = (name: string, by: readonly string[] = HOST): Query => sum(rate(scope, name), by);
const inTime = (name: string, by: readonly string[] = HOST): Query => sum(increase(scope, name), by);

export function agentDashboard(): Dashboard {
  const builder = emptyDashboard({
    title: 'tapscope: Agent',
    uid: AGENT_UID,
    description:
      'The agents themselves: whether their figures can be believed, what they did not see, and what watching costs.',
    refresh: '30s',
    from: 'now-1h',
  });
  for (const variable of agentVariables()) builder.withVariable(variable);
  withMarks(builder, scope, undefined);
  return withMechanisms(withScrapes(withMisses(withCost(withTrust(builder, scope))))).build();
}

function withCost(builder: DashboardBuilder): DashboardBuilder {
  const bytes = 'tapscope_counting_process_resident_memory_bytes';
  return builder
    .withRow(new RowBuilder('What watching costs'))
    .withPanel(
      timeseries({
        title: 'Cost of watching against the budget',
        tells:
          'Share of all CPUs: the programs in the kernel with their hooks, and the agent. Dashed: 1 %, the budget where --budget says nothing. Above it the agent does less.',
        absent: 'Not measured yet (once a minute on a quiet host), or --budget=off.',
        runbook: 'TapscopeOverBudget',
        width: 8,
        limit: DEFAULT_BUDGET,
        lines: [
          { legend: '{{part}}, {{instance}}', query: value(scope, 'tapscope_overhead_ratio') },
          { legend: 'total, {{instance}}', query: sum(value(scope, 'tapscope_overhead_ratio'), HOST) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'CPU of both processes',
        tells: 'Share of one CPU: the process that counts, and the one that answers requests.',
        width: 8,
        lines: [
          {
            legend: OF_HOST,
            query: process('counts', rate(scope, 'tapscope_counting_process_cpu_seconds_total')),
          },
          { legend: OF_HOST, query: process('answers', ofAgents(agent, 'process_cpu_seconds_total')) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Memory of both processes',
        tells: 'Resident memory of the process that counts, and of the one that answers requests.',
        width: 8,
        lines: [
          { legend: OF_HOST, query: process('counts', value(scope, bytes)) },
          { legend: OF_HOST, query: process('answers', ofAgents(agent, 'process_resident_memory_bytes')) },
        ],
      }),
    );
}

function process(role: string, query: Query): Query {
  return marked(query, 'process', role);
}

function withMisses(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('What the agent did not see'))
    .withPanel(
      timeseries({
        title: 'Rows of kernel counters',
        tells: 'One for each device, queue and CPU that was seen. When all are used, packets go uncounted.',
        runbook: 'TapscopeAgentBlind',
        width: 12,
        lines: [
          { legend: 'used, {{instance}}', query: value(scope, 'tapscope_rows_used') },
          { legend: 'allocated, {{instance}}', query: value(scope, 'tapscope_rows_capacity') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Events that could not be counted',
        tells:
          'By cause. no_row: packets that are counted nowhere else. ending_device is harmless; anything else but 0 is a blind spot.',
        runbook: 'TapscopeAgentBlind',
        width: 12,
        lines: [
          { legend: '{{cause}}, {{instance}}', query: perSecond('tapscope_events_lost_total', ['instance', 'cause']) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Runs of probes that the kernel skipped',
        tells: 'Events that the probe did not see: it ran into itself. Figures that need them are marked as inexact.',
        width: 12,
        lines: [
          {
            legend: '{{event}} ({{mechanism}}), {{instance}}',
            query: perSecond('tapscope_probe_missed_total', ['instance', 'event', 'mechanism']),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets to guest that the programs did not see',
        tells:
          'The kernel counted them and did not run the programs. With one queue they are in all figures; with several, in those of the device.',
        absent: 'Not a packet passed the programs unseen.',
        runbook: 'TapscopeFiguresDegraded',
        width: 12,
        lines: [
          {
            legend: '{{outcome}}, {{instance}}',
            query: perSecond('tapscope_device_unseen_packets_total', ['instance', 'outcome']),
          },
        ],
      }),
    );
}

function withScrapes(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withRow(new RowBuilder('Snapshots and scrapes'))
    .withPanel(
      timeseries({
        title: 'Time of a snapshot and of a scrape',
        tells: 'What the newest snapshot of all queues took, and what Prometheus waited for the whole page.',
        width: 8,
        lines: [
          { legend: 'snapshot, {{instance}}', query: value(scope, 'tapscope_snapshot_duration_seconds') },
          { legend: 'scrape, {{instance}}', query: ofAgents(agent, 'scrape_duration_seconds') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Series of a scrape',
        tells: 'What Prometheus takes from the agent. Too many: --detail core, or --device-include.',
        width: 8,
        lines: [{ legend: '{{instance}}', query: ofAgents(agent, 'scrape_samples_scraped') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Delay of the answering process',
        tells: 'How long its event loop took to turn at the scrape. Requests wait; counting does not.',
        width: 8,
        lines: [{ legend: '{{instance}}', query: ofAgents(agent, 'nodejs_eventloop_lag_seconds') }],
      }),
    )
    .withPanel(
      stat({
        title: 'Age of the snapshot',
        tells: 'Near 0, unless snapshots fail.',
        runbook: 'TapscopeScrapeStale',
        width: 8,
        badFrom: 60,
        query: max(value(scope, 'tapscope_snapshot_age_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Seconds between samples',
        tells: 'Above 1 s while the agent itself takes more than its budget.',
        runbook: 'TapscopeOverBudget',
        width: 8,
        query: max(value(scope, 'tapscope_agent_look_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Youngest answering process',
        tells: 'Time since the process that answers requests was started last, of all hosts chosen.',
        width: 8,
        query: {
          expr: `time() - ${max(ofAgents(agent, 'process_start_time_seconds')).expr}`,
          unit: 's',
        },
      }),
    );
}

function withMechanisms(builder: DashboardBuilder): DashboardBuilder {
  const probes = (matching: string): Query => value(scope, 'tapscope_probe_attached', matching);
  const by = ['event', 'mechanism', 'instance'];
  return builder
    .withRow(new RowBuilder('What runs'))
    .withPanel(
      table({
        title: 'Versions',
        tells: 'Of the agent, Node.js, the kernel and libbpf.',
        width: 24,
        height: 4,
        hostLink: HOST_LINK_OF_ROW,
        first: ['instance', 'version', 'kernel'],
        columns: [{ heading: undefined, query: value(scope, 'tapscope_build_info') }],
      }),
    )
    .withPanel(
      table({
        title: 'Restarts and changes',
        tells:
          'How often in the time shown. Another set of mechanisms begins when the level changes, a module comes or goes, or a device asks for more probes.',
        width: 24,
        height: 4,
        hostLink: HOST_LINK_OF_ROW,
        columns: [
          { heading: 'Answering process restarted', query: inTime('tapscope_serving_restarts_total') },
          { heading: 'Log lines dropped', query: inTime('tapscope_log_lines_dropped_total') },
          { heading: 'Went to lean', query: inTime('tapscope_budget_sheds_total') },
          { heading: 'Other mechanisms', query: inTime('tapscope_epochs_total') },
          { heading: 'Snapshots failed', query: inTime('tapscope_snapshot_errors_total') },
          { heading: 'Snapshots incomplete', query: inTime('tapscope_snapshots_incomplete_total') },
          { heading: 'Looks at owners failed', query: inTime('tapscope_looks_failed_total') },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Mechanisms',
        tells:
          'How each event is measured. Left out: nothing is attached on purpose, because no device asks for it or the kernel does not have it. tapscope doctor --verbose says why.',
        runbook: 'TapscopeAgentBlind',
        width: 24,
        height: 11,
        hostLink: HOST_LINK_OF_ROW,
        first: ['event', 'mechanism'],
        columns: [
          {
            heading: 'State',
            words: [
              { value: 0, text: 'not measured', color: 'red' },
              { value: 1, text: 'measured', color: 'green' },
              { value: 2, text: 'left out', color: 'text' },
            ],
            query: either(max(probes('mechanism!="none"'), by), times(2, max(probes('mechanism="none"'), by))),
          },
        ],
      }),
    );
}
