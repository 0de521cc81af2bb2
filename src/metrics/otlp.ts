// SPDX-License-Identifier: Apache-2.0
// The catalogue's part on what the agent sends to an OpenTelemetry collector.
import { counter, counters, type Metric, series } from '../metric.ts';

/** `unreachable`: no HTTP answer in time; `busy`: asked to come later; `refused`: another answer; `partial`: accepted but for some of it. */
export type ExportOutcome = 'accepted' | 'partial' | 'busy' | 'refused' | 'unreachable';

export type ExportSignal = 'metrics' | 'logs';

export interface ExportCount {
  readonly signal: ExportSignal;
  readonly outcome: ExportOutcome;
  readonly requests: number;
}

export interface Exports {
  readonly counts: readonly ExportCount[];
  /** Log records that no collector has and none will get. */
  readonly lostRecords: number;
}

interface Exporting {
  /** undefined: there is no --otlp. */
  readonly exports?: Exports | undefined;
}

/** No subject labels. */
export const exportMetrics: readonly Metric<Exporting>[] = [
  counters(
    'tapscope_otlp_exports_total',
    'Requests to the OpenTelemetry collector (--otlp), by what became of them: accepted; partial, it rejected some of the request; busy, it asks to come later; refused, it answers otherwise; unreachable, no answer in time.',
    ['signal', 'outcome'],
    ({ exports }) => (exports?.counts ?? []).map(({ signal, outcome, requests }) => series(requests, signal, outcome)),
  ),
  counter(
    'tapscope_otlp_lost_records_total',
    'Log records about findings that the OpenTelemetry collector (--otlp) did not get: refused, or more than the agent keeps while it is away.',
    ({ exports }) => exports?.lostRecords,
  ),
];
