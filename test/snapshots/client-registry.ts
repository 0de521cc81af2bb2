// SPDX-License-Identifier: Apache-2.0
// The same series by prom-client's own code, for tests to compare.
import { Counter, Gauge, type OpenMetricsContentType, type PrometheusContentType, type Registry } from 'prom-client';
import type { MetricRows } from '../../src/outputs/prometheus/families.ts';
import type { SeriesOwner } from '../../src/outputs/prometheus/series-owner.ts';
import type { Labels } from '../../src/outputs/prometheus/text.ts';
import type { Suffix } from '../../src/snapshot/metric.ts';

interface RowSample {
  readonly owner: SeriesOwner;
  readonly labels: readonly string[];
  readonly value: number;
  readonly suffix: Suffix | undefined;
}

export function samplesOf({ rows, visitRow }: MetricRows): readonly RowSample[] {
  const samples: RowSample[] = [];
  for (let row = 0; row < rows; row += 1) {
    visitRow(row, (owner, _, labels, value, suffix) => samples.push({ owner, labels, value, suffix }));
  }
  return samples;
}

/** The owner's and its own, by name. */
export function labelsOf({ labels: own }: MetricRows['metric'], { owner, labels, suffix }: RowSample): Labels {
  const names = suffix === '_bucket' ? [...own, 'le'] : own;
  return [...owner.labels, ...names.map((label, index) => [label, labels[index] ?? ''] as const)];
}

export type AnyRegistry = Registry<PrometheusContentType> | Registry<OpenMetricsContentType>;

/** The same series in a registry of prom-client's, which writes them by its own code. */
export function fillRegistry(registry: AnyRegistry, rows: MetricRows): void {
  const { name, help, type } = rows.metric;
  const values = samplesOf(rows).map((sample) => ({
    labels: Object.fromEntries(labelsOf(rows.metric, sample)),
    value: sample.value,
    metricName: `${name}${sample.suffix ?? ''}`,
  }));
  const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
  if (values.length === 0) return;
  const registers = [registry];
  if (type === 'histogram') {
    // Its histograms take single observations only; what writes them takes any metric that lists its values.
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      get: async () => ({ name, help, type, aggregator: 'sum', values }),
    };
    Reflect.apply(registry.registerMetric, registry, [metric]);
  } else if (type === 'gauge') {
    const gauge = new Gauge({ name, help, labelNames, registers });
    for (const { labels, value } of values) gauge.set(labels, value);
  } else {
    const counter = new Counter({ name, help, labelNames, registers });
    for (const { labels, value } of values) counter.inc(labels, value);
  }
}
