// SPDX-License-Identifier: Apache-2.0
// Metrics of an agent beside its own catalogue: prom-client's of the serving process, and Prometheus's of each scrape.
import type { Query, Unit } from './query.ts';

interface Beside {
  readonly type: 'counter' | 'gauge';
  readonly unit: Unit;
}

export const BESIDE: Readonly<Record<string, Beside>> = {
  process_cpu_seconds_total: { type: 'counter', unit: 'percentunit' },
  process_resident_memory_bytes: { type: 'gauge', unit: 'bytes' },
  process_start_time_seconds: { type: 'gauge', unit: 's' },
  nodejs_eventloop_lag_seconds: { type: 'gauge', unit: 's' },
  scrape_duration_seconds: { type: 'gauge', unit: 's' },
  scrape_samples_scraped: { type: 'gauge', unit: 'short' },
};

/** Other jobs have metrics of these names too: those of agents answer with their version. Labels: instance and job. */
export function ofAgents(agent: string, name: string): Query {
  const beside = BESIDE[name];
  if (beside === undefined) throw new Error(`Nothing beside the catalogue is called ${name}.`);
  const series = `${name}{${agent}}`;
  const shown = beside.type === 'counter' ? `rate(${series}[$__rate_interval])` : series;
  return { expr: `(${shown} and on (instance, job) tapscope_build_info{${agent}})`, unit: beside.unit };
}
