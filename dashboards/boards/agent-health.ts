// SPDX-License-Identifier: Apache-2.0
// The part of the dashboard Host about the agent: level, price, what it could not see.
import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { count, either, max, only, type Query, rate, type Scope, sum, value, where } from '../promql/query.ts';
import { stat, table, timeseries } from './panels.ts';

export function withHealth(scope: Scope, builder: DashboardBuilder): DashboardBuilder {
  const perSecond = (name: string, by: readonly string[] = []): Query => sum(rate(scope, name), by);
  // While tun is not loaded nothing can be attached, and there is nothing to see.
  const devices = value({ ...scope, device: scope.agent }, 'tapscope_device_up');
  return builder
    .withRow(new RowBuilder('Can the figures be believed? (the agent)'))
    .withPanel(
      stat({
        title: 'Level',
        tells: 'exact, or lean while the budget is passed.',
        width: 4,
        legend: '{{level}}',
        query: where(value(scope, 'tapscope_agent_level'), '== 1'),
      }),
    )
    .withPanel(
      stat({
        title: 'Agents that do not answer',
        tells: 'Of their hosts nothing is known now: TapscopeScrapeStale. The scrape job is called tapscope.',
        width: 5,
        badFrom: 1,
        query: unanswered(scope),
      }),
    )
    .withPanel(
      stat({
        title: 'Events not measured',
        tells: 'On hosts that have devices. Anything but 0: tapscope doctor says why.',
        width: 5,
        badFrom: 1,
        query: sum(only(where(value(scope, 'tapscope_probe_attached'), '== bool 0'), ['instance'], devices)),
      }),
    )
    .withPanel(
      stat({
        title: 'Namespaces not entered',
        tells: 'Seen, but their devices lack what rtnetlink knows.',
        width: 5,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_namespaces_unresolved')),
      }),
    )
    .withPanel(
      stat({
        title: 'Devices folded',
        tells: 'Beyond the series budget, shown as device ~other.',
        width: 5,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_devices_folded')),
      }),
    )
    .withPanel(
      stat({
        title: 'Age of the snapshot',
        tells: 'Near 0, unless snapshots fail.',
        width: 6,
        badFrom: 60,
        query: max(value(scope, 'tapscope_snapshot_age_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Time per snapshot',
        tells: 'What one scrape takes to look at all queues.',
        width: 6,
        query: max(value(scope, 'tapscope_snapshot_duration_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Looks every',
        tells: 'Above 1 s while the agent itself takes more than its budget: TapscopeOverBudget.',
        width: 6,
        query: max(value(scope, 'tapscope_agent_look_seconds')),
      }),
    )
    .withPanel(
      stat({
        title: 'Agents open to all',
        tells: 'They listen beyond loopback without a password or client certificates: see --web.config.file.',
        width: 6,
        badFrom: 1,
        query: sum(value(scope, 'tapscope_endpoint_exposed')),
      }),
    )
    .withPanel(
      timeseries({
        title: 'Price of watching',
        tells: 'Share of all CPUs: our programs in the kernel with their hooks, and the agent itself.',
        width: 8,
        lines: [{ legend: '{{part}}, {{instance}}', query: value(scope, 'tapscope_overhead_ratio') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Rows of kernel counters',
        tells: 'One for each device, queue and CPU that was seen. When all are used, packets go uncounted.',
        width: 8,
        lines: [
          { legend: 'used, {{instance}}', query: value(scope, 'tapscope_rows_used') },
          { legend: 'there are, {{instance}}', query: value(scope, 'tapscope_rows_capacity') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Events that could not be counted',
        tells:
          'By cause. no_row: packets that are counted nowhere else. ending_device is harmless; anything else but 0 is a blind spot.',
        width: 8,
        lines: [
          { legend: '{{cause}}, {{instance}}', query: perSecond('tapscope_events_lost_total', ['instance', 'cause']) },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'CPU of the processes that count',
        tells: 'CPU seconds a second. process_cpu_seconds_total has that of the processes that answer requests.',
        width: 12,
        lines: [
          {
            legend: '{{instance}}',
            query: rate(scope, 'tapscope_counting_process_cpu_seconds_total'),
          },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Memory of the processes that count',
        tells: 'Resident. process_resident_memory_bytes has that of the processes that answer requests.',
        width: 12,
        lines: [{ legend: '{{instance}}', query: value(scope, 'tapscope_counting_process_resident_memory_bytes') }],
      }),
    )
    .withPanel(
      timeseries({
        title: 'What the agent missed',
        tells:
          'Runs of a probe that the kernel skipped, snapshots that failed or were incomplete, changes to the level lean and of mechanisms: per second.',
        width: 12,
        lines: [
          {
            legend: '{{event}} skipped ({{mechanism}})',
            query: perSecond('tapscope_probe_missed_total', ['event', 'mechanism']),
          },
          { legend: 'snapshots failed', query: perSecond('tapscope_snapshot_errors_total') },
          { legend: 'snapshots incomplete', query: perSecond('tapscope_snapshots_incomplete_total') },
          { legend: 'went to lean', query: perSecond('tapscope_budget_sheds_total') },
          { legend: 'other mechanisms', query: perSecond('tapscope_epochs_total') },
          { legend: 'answered requests anew', query: perSecond('tapscope_serving_restarts_total') },
        ],
      }),
    )
    .withPanel(
      timeseries({
        title: 'Packets to guest that the programs did not see',
        tells:
          'The kernel counted them and did not run the programs. With one queue they are in all figures; with several, in those of the device.',
        width: 12,
        lines: [
          {
            legend: '{{outcome}}, {{instance}}',
            query: perSecond('tapscope_device_unseen_packets_total', ['instance', 'outcome']),
          },
        ],
      }),
    )
    .withPanel(
      table({
        title: 'Mechanisms',
        tells: 'How each event is measured on this host; 0: nothing measures it.',
        width: 12,
        columns: [{ heading: 'Attached', query: value(scope, 'tapscope_probe_attached') }],
      }),
    )
    .withPanel(
      table({
        title: 'What runs',
        tells: 'Versions of the agent, Node.js, the kernel and libbpf.',
        width: 12,
        columns: [{ heading: undefined, query: value(scope, 'tapscope_build_info') }],
      }),
    );
}

/** By Prometheus's own series: a dead agent has no others. A host that is not scraped has no 0 either. */
function unanswered(scope: Scope): Query {
  const answering = count(value(scope, 'tapscope_build_info'));
  const expr = `count(up{job="tapscope",${scope.agent}} == 0)`;
  return either({ ...answering, expr }, { ...answering, expr: `0 * ${answering.expr}` });
}
