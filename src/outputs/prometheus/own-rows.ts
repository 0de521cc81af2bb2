// SPDX-License-Identifier: Apache-2.0
// Metrics that prom-client keeps of this process, as rows of the catalogue's form.
import type { Registry } from 'prom-client';
import type { Suffix } from '../../snapshot/metric.ts';
import type { MetricRows } from './families.ts';
import type { SeriesOwner } from './series-owner.ts';

export type OwnMetric = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

const suffixes: readonly Suffix[] = ['_bucket', '_sum', '_count'];

/** All series of one metric are one row of the agent's. */
export function ownRows({ name, type, help, values }: OwnMetric, agent: SeriesOwner): MetricRows {
  const labels = Object.keys(values[0]?.labels ?? {}).filter((label) => label !== 'le');
  const kind = String(type);
  const metric = { name, help, labels, type: kind === 'counter' || kind === 'histogram' ? kind : 'gauge' } as const;
  return {
    metric,
    rows: 1,
    visitRow: (_, visit) => {
      for (const [position, sample] of values.entries()) {
        const suffix = 'metricName' in sample ? suffixOf(name, String(sample.metricName)) : undefined;
        const of = new Map(Object.entries(sample.labels).map(([label, value]) => [label, String(value)]));
        const names = suffix === '_bucket' ? [...labels, 'le'] : labels;
        visit(
          agent,
          position,
          names.map((label) => of.get(label) ?? ''),
          sample.value,
          suffix,
        );
      }
    },
  };
}

function suffixOf(name: string, full: string): Suffix | undefined {
  return suffixes.find((suffix) => full === `${name}${suffix}`);
}
