// SPDX-License-Identifier: Apache-2.0
// The Prometheus page: the catalogue's families, rendered from cached prefixes, and behind them the metrics of this process,
// which prom-client keeps. BENCHMARKS.md compares it with prom-client's own page; a test holds both to the same bytes.
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Device } from '../../snapshot/device.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import type { Build, Exports, ShownFinding } from '../../subjects/scrape-metrics.ts';
import { createSeriesCounts, type Detail, type SeriesLimit, selectDevices, seriesBudget } from './detail.ts';
import { type MetricRows, metricRows } from './families.ts';
import type { Family } from './family.ts';
import type { Format } from './formats.ts';
import { ownRows } from './own-rows.ts';
import { type LastPage, page } from './page.ts';
import { protobufFamily } from './protobuf-family.ts';
import { SeriesCreated } from './series-created.ts';
import { createOwners, showDevices } from './series-owner.ts';
import { createSlices, type Slices } from './slices.ts';
import { ownTextFamily, textFamily } from './text-family.ts';

export interface PrometheusOptions {
  readonly detail: Detail;
  readonly build: Build;
  /** Pages in OpenMetrics and protobuf tell since when counters count. */
  readonly created?: boolean;
}

/** Input of a page; devices are only those of a snapshot taken for this scrape. */
export interface Seen {
  readonly devices: readonly Device[];
  /** The newest that is known. */
  readonly agent: AgentState | undefined;
  /** Unix time, seconds; undefined: there is no snapshot. */
  readonly takenAt?: number | undefined;
  readonly snapshotAgeSeconds: number | undefined;
  readonly snapshotErrors: number;
  readonly exposed: boolean;
  readonly findings: readonly ShownFinding[];
  /** undefined: there is no --otlp. */
  readonly exports?: Exports | undefined;
}

export class MetricsPage {
  readonly #options: PrometheusOptions;
  /** Metrics of this process. */
  readonly #own: Registry;
  readonly #limit: SeriesLimit;
  readonly #counts = createSeriesCounts();
  readonly #owners = createOwners();
  readonly #lastPages: Readonly<Record<Format, LastPage>> = {
    text: new Map(),
    openmetrics: new Map(),
    protobuf: new Map(),
  };
  readonly #created: SeriesCreated | undefined;
  #latest: Promise<unknown> = Promise.resolve();

  constructor(options: PrometheusOptions, own: Registry) {
    this.#options = options;
    this.#own = own;
    this.#created = options.created ? new SeriesCreated() : undefined;
    this.#limit = { detail: options.detail, budget: seriesBudget[options.detail] };
  }

  /** One scrape in chunks. Call it in the order in which snapshots were taken; what it returns may be read at leisure. */
  scrape(seen: Seen, format: Format): AsyncGenerator<Buffer, void, undefined> {
    return this.page(this.rows(seen), format);
  }

  /** Several pages can be made of the same rows. */
  async *page(rows: Promise<readonly MetricRows[]>, format: Format): AsyncGenerator<Buffer, void, undefined> {
    const slices = createSlices();
    const shown = await rows;
    await slices.pause(); // the last slice of the rows is over
    const families = format === 'protobuf' ? await this.#protobuf(shown) : await this.#text(shown, format);
    await slices.pause();
    yield* page(families, format, slices, this.#lastPages[format]);
  }

  async #text(rows: readonly MetricRows[], format: Format): Promise<readonly Family[]> {
    const created = format === 'openmetrics' ? this.#created : undefined;
    // Not by prom-client's metrics(): its OpenMetrics form renames the metrics of the registry for good.
    const own = await this.#own.getMetricsAsJSON();
    return [...rows.map((each) => textFamily(each, created)), ...own.map((each) => ownTextFamily(each, created))];
  }

  async #protobuf(rows: readonly MetricRows[]): Promise<readonly Family[]> {
    return [...rows, ...(await this.ownRows())].map((each) => protobufFamily(each, this.#created));
  }

  /** Rows of the catalogue's metrics. One after the other: what owners remember goes from scrape to scrape. */
  rows(seen: Seen): Promise<readonly MetricRows[]> {
    const make = () => this.#makeRows(seen, createSlices());
    const rows = this.#latest.then(make, make);
    this.#latest = rows;
    return rows;
  }

  /** Rows of the process's own metrics. */
  async ownRows(): Promise<readonly MetricRows[]> {
    return (await this.#own.getMetricsAsJSON()).map((metric) => ownRows(metric, this.#owners.agent));
  }

  async #makeRows(seen: Seen, slices: Slices): Promise<readonly MetricRows[]> {
    const { detail, build } = this.#options;
    const { shown, folded } = await selectDevices(seen.devices, this.#limit, this.#counts, slices);
    const devices = await showDevices(this.#owners, shown, slices);
    this.#created?.read(seen, this.#owners);
    this.#created?.note(devices);
    const scene = {
      owners: this.#owners,
      shown: devices,
      folded,
      agent: seen.agent,
      scrape: {
        build,
        snapshotAgeSeconds: seen.snapshotAgeSeconds,
        snapshotErrors: seen.snapshotErrors,
        devicesFolded: folded.length,
        exposed: seen.exposed,
        findings: seen.findings,
        exports: seen.exports,
      },
    };
    return metricRows(scene, detail, slices);
  }
}

/** Gauges that end in _total: promtool refuses them. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
/** Each value includes the period of the timer that takes them, and that timer would wake the idle agent. */
const unmeasured = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (name) => `nodejs_eventloop_lag_${name}_seconds`,
);
/** Milliseconds; the longest that a timer takes (25 days). */
const never = 2 ** 31 - 1;

/** The page also has memory, CPU time, event loop and garbage collection of this process. */
export function createMetricsPage(options: PrometheusOptions): MetricsPage {
  const own = new Registry();
  collectDefaultMetrics({ register: own, eventLoopMonitoringPrecision: never });
  for (const name of [...misnamed, ...unmeasured]) own.removeSingleMetric(name);
  return new MetricsPage(options, own);
}
