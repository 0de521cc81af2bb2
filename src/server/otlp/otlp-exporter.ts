// SPDX-License-Identifier: Apache-2.0
// Sends to an OpenTelemetry collector: all metrics every minute, findings as they begin, change and end. What it cannot send it does not keep,
// but for a limited number of findings: totals that are sent later hold all that came before.
import { setTimeout as wait } from 'node:timers/promises';
import type { Sender } from '../../outputs/otlp/otlp-attributes.ts';
import { changesOf, type FindingChange, type KnownFindings, logsRequest } from '../../outputs/otlp/otlp-findings.ts';
import { metricsRequests } from '../../outputs/otlp/otlp-metrics.ts';
import { SeriesStarts } from '../../outputs/otlp/series-starts.ts';
import { createSlices } from '../../outputs/prometheus/slices.ts';
import type { ExportCount, ExportOutcome, ExportSignal, Exports } from '../../subjects/scrape-metrics.ts';
import type { Observer } from '../observer.ts';
import type { ShownRows } from '../scrape.ts';
import { Complaints } from './otlp-complaints.ts';
import type { OtlpEndpoint } from './otlp-endpoint.ts';
import { type Answer, createPost, type Post } from './otlp-post.ts';

export interface OtlpOptions {
  readonly endpoint: OtlpEndpoint;
  /** Between two exports of all metrics. */
  readonly everyMs: number;
}

interface Sources {
  /** The rows of a scrape now. */
  readonly rows: () => Promise<ShownRows>;
  readonly observer: Pick<Observer, 'listen'>;
}

/** The first export is at a random time within this: agents that start together do not export together. */
const FIRST_WITHIN_MS = 5000;
/** How long the end of the agent waits for the collector; Kubernetes and systemd give it ten times that. */
const LAST_WITHIN_MS = 3000;
/** While the collector is away; the oldest go first. */
const KEPT_RECORDS = 1000;
const LEAST_PAUSE_MS = 5000;
const MOST_PAUSE_MS = 60_000;

const outcomes: readonly ExportOutcome[] = ['accepted', 'partial', 'busy', 'refused', 'unreachable'];
const signals: readonly ExportSignal[] = ['metrics', 'logs'];

export class OtlpExporter {
  readonly #sender: Sender;
  readonly #everyMs: number;
  readonly #post: Post;
  readonly #close: () => void;
  readonly #complaints: Complaints;
  readonly #ended = new AbortController();
  readonly #counts = new Map<string, number>();
  readonly #starts = new SeriesStarts(performance.timeOrigin / 1000);
  #known: KnownFindings = new Map();
  #records: readonly FindingChange[] = [];
  #lostRecords = 0;
  /** The request with records that is under way. */
  #sendingRecords: Promise<void> | undefined;
  /** All that is left; what the collector did not like of it, or ''. */
  #sendLast = async (): Promise<string> => '';
  #recordsNotBefore = 0;
  #pauseMs = LEAST_PAUSE_MS;

  constructor({ endpoint, everyMs }: OtlpOptions, sender: Sender, say: (error: Error) => void) {
    this.#sender = sender;
    this.#everyMs = everyMs;
    const { post, close } = createPost(endpoint, sender.version);
    this.#post = post;
    this.#close = close;
    this.#complaints = new Complaints(endpoint.url, say);
  }

  /** The counts of exports, for /metrics. */
  exports(): Exports {
    const counts = signals.flatMap((signal) =>
      outcomes.map((outcome): ExportCount => {
        return { signal, outcome, requests: this.#counts.get(`${signal} ${outcome}`) ?? 0 };
      }),
    );
    return { counts, lostRecords: this.#lostRecords };
  }

  start({ rows, observer }: Sources): void {
    const deaf = observer.listen(({ window, active }) => {
      const { known, changes } = changesOf(this.#known, active, window.endedAt);
      this.#known = known;
      this.#keep(changes);
      if (!this.#sendingRecords && this.#records.length > 0 && performance.now() >= this.#recordsNotBefore)
        this.#sendingRecords = this.#sendRecords().finally(() => {
          this.#sendingRecords = undefined;
        });
    });
    this.#ended.signal.addEventListener('abort', deaf);
    const sending = this.#sendMetricsUntilEnd(rows);
    this.#sendLast = async () => {
      await Promise.all([sending, this.#sendingRecords]);
      const { reason } = await this.#sendMetrics(rows);
      if (this.#records.length > 0) await this.#sendRecords();
      return reason;
    };
  }

  /** Sends once more what there is; says so if the collector does not take it within three seconds. */
  async close(): Promise<void> {
    this.#ended.abort();
    const inTime = new AbortController();
    const reason = await Promise.race([
      this.#sendLast().catch(String),
      wait(LAST_WITHIN_MS, `gave no answer in ${LAST_WITHIN_MS / 1000} s`, { signal: inTime.signal }),
    ]);
    inTime.abort();
    this.#close();
    this.#complaints.ended(reason);
  }

  async #sendMetricsUntilEnd(rows: () => Promise<ShownRows>): Promise<void> {
    let pauseMs = Math.random() * Math.min(FIRST_WITHIN_MS, this.#everyMs);
    while (await this.#sleep(pauseMs)) {
      const began = performance.now();
      const { afterMs = 0 } = await this.#sendMetrics(rows);
      pauseMs = Math.max(afterMs, this.#everyMs - (performance.now() - began), 0);
    }
  }

  /** The first answer that is not well. What follows a request that failed is not sent. */
  async #sendMetrics(rows: () => Promise<ShownRows>): Promise<Pick<Answer, 'reason' | 'afterMs'>> {
    try {
      const { rows: shown, takenAt } = await rows();
      const moment = { sender: this.#sender, starts: this.#starts, takenAt };
      for await (const body of metricsRequests(shown, moment, createSlices())) {
        const answer = await this.#send('metrics', body);
        if (answer.outcome !== 'accepted' && answer.outcome !== 'partial') return answer;
      }
      return { reason: '' };
    } catch (error) {
      const reason = `gets no metrics (${error instanceof Error ? error.message : String(error)})`;
      if (!this.#ended.signal.aborted) this.#complaints.answered('metrics', reason);
      return { reason };
    }
  }

  #keep(changes: readonly FindingChange[]): void {
    if (changes.length === 0) return;
    const all = [...this.#records, ...changes];
    this.#lostRecords += Math.max(0, all.length - KEPT_RECORDS);
    this.#records = all.slice(-KEPT_RECORDS);
  }

  async #sendRecords(): Promise<void> {
    const sent = this.#records;
    this.#records = [];
    const { outcome, afterMs, rejected = 0 } = await this.#send('logs', logsRequest(sent, this.#sender));
    const isLater = outcome === 'busy' || outcome === 'unreachable';
    if (isLater) {
      const since = this.#records;
      this.#records = sent;
      this.#keep(since);
    } else this.#lostRecords += outcome === 'refused' ? sent.length : rejected;
    this.#pauseMs = isLater ? Math.min(2 * this.#pauseMs, MOST_PAUSE_MS) : LEAST_PAUSE_MS;
    this.#recordsNotBefore = isLater ? performance.now() + (afterMs ?? this.#pauseMs * (0.5 + Math.random() / 2)) : 0;
  }

  async #send(signal: ExportSignal, body: string): Promise<Answer> {
    const answer = await this.#post(`/v1/${signal}`, body);
    const key = `${signal} ${answer.outcome}`;
    if (!this.#ended.signal.aborted) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      this.#complaints.answered(signal, answer.reason);
    }
    return answer;
  }

  async #sleep(ms: number): Promise<boolean> {
    return wait(ms, true, { signal: this.#ended.signal }).catch(() => false);
  }
}
