// SPDX-License-Identifier: Apache-2.0
// Metrics of which no snapshot knows: the moment of a scrape, findings, and what is sent to an OpenTelemetry collector. No subject labels.
import { counter, counters, flag, gauge, gauges, info, type Metric, series } from '../snapshot/metric.ts';

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

/** A finding as its series shows it; undefined: it is about the whole device, or about the agent. */
export interface ShownFinding {
  readonly rule: string;
  readonly severity: string;
  readonly netns: number | undefined;
  readonly device: string | undefined;
  readonly queue: number | undefined;
}

/** What runs here; the labels of `tapscope_build_info`. */
export interface Build {
  readonly version: string;
  readonly nodeVersion: string;
  readonly kernel: string;
  readonly libbpf: string;
}

/** What only the moment of a scrape knows. */
export interface ScrapeState {
  readonly build: Build;
  /** Age of the newest snapshot; undefined: there is none yet. */
  readonly snapshotAgeSeconds: number | undefined;
  readonly snapshotErrors: number;
  readonly devicesFolded: number;
  /** Clients that should not can read this. */
  readonly exposed: boolean;
  /** The active findings. */
  readonly findings: readonly ShownFinding[];
  /** undefined: there is no --otlp. */
  readonly exports?: Exports | undefined;
}

const FINDING_LABELS = ['rule', 'severity', 'netns', 'device', 'queue'];

/** No subject labels: most findings name a device, some a queue, and one none. */
const findingMetric: Metric<ScrapeState> = gauges(
  'tapscope_finding',
  '1 while a finding stands: two judgements running made it, and one of the last 30 s did; absent without one. No queue: the whole device; no device: the agent (tapscope explain says what a rule means).',
  FINDING_LABELS,
  ({ findings }) =>
    findings.map(({ rule, severity, netns, device, queue }) =>
      series(1, rule, severity, String(netns ?? ''), device ?? '', String(queue ?? '')),
    ),
);

/** No subject labels. */
const exportMetrics: readonly Metric<ScrapeState>[] = [
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

/** No subject labels. */
export const scrapeMetrics: readonly Metric<ScrapeState>[] = [
  gauge(
    'tapscope_snapshot_age_seconds',
    'Age of the snapshot that the page shows; near 0, unless the agent gets no CPU: then a scrape shows the newest there is, up to a minute old.',
    (scrape) => scrape.snapshotAgeSeconds,
  ),
  counter(
    'tapscope_snapshot_errors_total',
    'Scrapes that got no page (503), because there was no snapshot of the last minute.',
    (scrape) => scrape.snapshotErrors,
  ),
  gauge(
    'tapscope_devices_folded',
    'Devices beyond the series budget of the --detail level, shown as sums under device=~other.',
    (scrape) => scrape.devicesFolded,
  ),
  flag(
    'tapscope_endpoint_exposed',
    '1 while others than this host can read the metrics without a password, or in the clear (--web.listen-address, --web.config.file).',
    (scrape) => scrape.exposed,
  ),
  findingMetric,
  ...exportMetrics,
  info('tapscope_build_info', 'What runs here.', ['version', 'node_version', 'kernel', 'libbpf'], ({ build }) => [
    series(1, build.version, build.nodeVersion, build.kernel, build.libbpf),
  ]),
];
