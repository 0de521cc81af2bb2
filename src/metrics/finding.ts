// SPDX-License-Identifier: Apache-2.0
// The catalogue's part on findings: what the rules say is wrong, while they say so.
import { gauges, type Metric, series } from '../metric.ts';

/** A finding as its series shows it; undefined: it is about the whole device, or about the agent. */
export interface ShownFinding {
  readonly rule: string;
  readonly severity: string;
  readonly netns: number | undefined;
  readonly device: string | undefined;
  readonly queue: number | undefined;
}

interface Judged {
  /** The active findings. */
  readonly findings: readonly ShownFinding[];
}

const labels = ['rule', 'severity', 'netns', 'device', 'queue'];

/** No subject labels: most findings name a device, some a queue, and one none. */
export const findingMetric: Metric<Judged> = gauges(
  'tapscope_finding',
  '1 while a finding stands: two judgements running made it, and one of the last 30 s did; absent without one. No queue: the whole device; no device: the agent (tapscope explain says what a rule means).',
  labels,
  ({ findings }) =>
    findings.map(({ rule, severity, netns, device, queue }) =>
      series(1, rule, severity, String(netns ?? ''), device ?? '', String(queue ?? '')),
    ),
);
