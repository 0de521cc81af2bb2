// SPDX-License-Identifier: Apache-2.0
// One scrape: a snapshot, then the page. It never fails because of a device, a probe or a namespace. Without a snapshot there is no page: one without
// devices would end their series (tapscope_snapshot_errors_total counts these).
import { setTimeout } from 'node:timers/promises';
import type { MetricRows } from '../outputs/prometheus/families.ts';
import type { Format } from '../outputs/prometheus/formats.ts';
import type { MetricsPage } from '../outputs/prometheus/prometheus-page.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Exports, ShownFinding } from '../subjects/scrape-metrics.ts';
import { gzipped } from './gzip.ts';
import { later } from './refusals.ts';
import { type SharedChunks, shareChunks } from './shared-chunks.ts';
import { shareSnapshots } from './shared-snapshot.ts';

interface Form {
  readonly format: Format;
  readonly gzip: boolean;
}

/** The page in chunks. Scrapes that share a snapshot share the pages made of it. */
export type Scrape = (form: Form, timeoutSeconds: number) => Promise<AsyncGenerator<Buffer, void, undefined>>;

/** The rows of a page, for another format. */
export interface ShownRows {
  readonly rows: readonly MetricRows[];
  /** Unix time, seconds. */
  readonly takenAt: number;
}

export interface Scraper {
  readonly page: Scrape;
  /** The rows with the process's own metrics. */
  readonly rows: () => Promise<ShownRows>;
}

interface Shot {
  readonly pages: Pages;
  readonly rows: Promise<readonly MetricRows[]>;
  readonly takenAt: number;
}

type Pages = (form: Form) => AsyncGenerator<Buffer, void, undefined>;

interface ScrapeDependencies {
  readonly takeSnapshot: () => Promise<Snapshot>;
  readonly exposed: () => boolean;
  /** The active findings. */
  readonly findings: () => readonly ShownFinding[];
  /** undefined: there is no --otlp. */
  readonly exports: () => Exports | undefined;
  readonly warn: (message: string) => void;
}

/** The timeout for a request for rows: the default scrape timeout of Prometheus. */
const rowsWithinSeconds = 10;

export function createScraper(
  page: MetricsPage,
  { takeSnapshot, exposed, findings, exports, warn }: ScrapeDependencies,
): Scraper {
  let snapshotErrors = 0;
  const sharedShots = shareSnapshots(async () => shotOf(await takeSnapshot()));

  function shotOf({ devices, agent, takenAt }: Snapshot): Shot {
    const rows = page.rows({
      devices,
      takenAt,
      agent,
      snapshotAgeSeconds: Math.max(0, Date.now() / 1000 - takenAt),
      snapshotErrors,
      exposed: exposed(),
      findings: findings(),
      exports: exports(),
    });
    rows.catch(() => undefined); // the client may have given up
    return { pages: sharePages(page, rows), rows, takenAt };
  }

  async function shoot(timeoutSeconds: number): Promise<Shot> {
    try {
      return await within(timeoutSeconds, sharedShots());
    } catch (error) {
      snapshotErrors += 1;
      const reason = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
      warn(`a scrape got no page because there is no snapshot: ${reason}`);
      throw later(`There is no snapshot to show: ${reason}.`);
    }
  }

  return {
    page: async (form, timeoutSeconds) => (await shoot(timeoutSeconds)).pages(form),
    rows: async () => {
      const { rows, takenAt } = await shoot(rowsWithinSeconds);
      return { rows: [...(await rows), ...(await page.ownRows())], takenAt };
    },
  };
}

function sharePages(page: MetricsPage, rows: Promise<readonly MetricRows[]>): Pages {
  const made = new Map<string, SharedChunks>();
  const pages: Pages = ({ format, gzip }) => {
    const key = `${format} ${gzip}`;
    const shared =
      made.get(key) ?? shareChunks(gzip ? gzipped(pages({ format, gzip: false })) : page.page(rows, format));
    made.set(key, shared);
    // All that waited for this snapshot ask in the same turn; held longer, the beginning would hold the whole page.
    setImmediate(() => made.delete(key));
    return shared();
  };
  return pages;
}

/** Gives up after `seconds`: the work may wait for the RTNL lock. */
async function within<Value>(seconds: number, work: Promise<Value>): Promise<Value> {
  const timer = new AbortController();
  const tooLate = setTimeout(1000 * seconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`it took more than ${seconds.toFixed(1)} s`);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    timer.abort();
  }
}
