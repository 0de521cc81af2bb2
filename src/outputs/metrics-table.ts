// SPDX-License-Identifier: Apache-2.0
// The catalogue as the tables of docs/metrics.md.
import type { Metric } from '../snapshot/metric.ts';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics } from '../subjects/list.ts';
import { scrapeMetrics } from '../subjects/scrape-metrics.ts';

interface Section {
  readonly title: string;
  readonly subjectLabels: readonly string[];
  readonly metrics: readonly Metric<never>[];
}

const sections: readonly Section[] = [
  {
    title: 'Each queue (`--detail core` and `device`: all queues of a device as one, without the label `queue`)',
    subjectLabels: ['netns', 'device', 'queue'],
    metrics: queueMetrics,
  },
  {
    title: 'Each queue and CPU (only with `--detail cpu`)',
    subjectLabels: ['netns', 'device', 'queue'],
    metrics: cpuMetrics,
  },
  { title: 'Each device', subjectLabels: ['netns', 'device'], metrics: deviceMetrics },
  { title: 'The agent itself', subjectLabels: [], metrics: [...agentMetrics, ...scrapeMetrics] },
];

export function metricsTable(): string {
  return sections.map(renderSection).join('\n');
}

function renderSection({ title, subjectLabels, metrics }: Section): string {
  const rows = metrics.map(({ name, type, labels, help, core, full, fromFirst }) => {
    const all = [...subjectLabels, ...labels].map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${[type, core && 'core', full && 'full', fromFirst && 'first hit'].filter(Boolean).join(', ')} | ${all} | ${help.replaceAll('|', '\\|')} |\n`;
  });
  return `**${title}**\n\n| metric | type | labels | what it counts |\n|---|---|---|---|\n${rows.join('')}`;
}

const start = '<!-- metrics -->\n';
const end = '<!-- /metrics -->\n';

/** The document with a fresh table between its two markers. */
export function withMetricsTable(document: string): string {
  const from = document.indexOf(start);
  const to = document.indexOf(end);
  if (from === -1 || to < from) {
    throw new Error(
      `the document has no place for the metrics table: give it the lines ${start.trim()} and ${end.trim()}.`,
    );
  }
  return `${document.slice(0, from + start.length)}\n${metricsTable()}\n${document.slice(to)}`;
}
