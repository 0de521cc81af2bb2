// SPDX-License-Identifier: Apache-2.0
// One scrape: a snapshot of its own, then the page. It never fails because of a device, a probe or a namespace; when the whole
// snapshot fails, or takes too long, the page still holds what the agent knows of itself, and says so (tapscope_snapshot_errors_total).
import { setTimeout } from 'node:timers/promises';
import type { FastRegistry } from '../outputs/prometheus.ts';
import type { Format } from '../outputs/prometheus-text.ts';
import type { Snapshot } from '../snapshot.ts';
import { shareSnapshots } from './shared-snapshot.ts';

/** The page in chunks. */
export type Scrape = (format: Format, timeoutSeconds: number) => Promise<AsyncGenerator<string, void, undefined>>;

export function createScrape(
  registry: FastRegistry,
  takeSnapshot: () => Promise<Snapshot>,
  warn: (message: string) => void,
): Scrape {
  const sharedSnapshot = shareSnapshots(takeSnapshot);
  let latest: Snapshot | undefined;
  let snapshotErrors = 0;

  async function trySnapshot(timeoutSeconds: number): Promise<Snapshot | undefined> {
    try {
      latest = await within(timeoutSeconds, sharedSnapshot());
      return latest;
    } catch (error) {
      snapshotErrors += 1;
      warn(
        `the scrape shows no devices because its snapshot failed: ${error instanceof Error ? error.message : error}`,
      );
      return undefined;
    }
  }

  return async (format, timeoutSeconds) => {
    const snapshot = await trySnapshot(timeoutSeconds);
    const seen = {
      devices: snapshot?.devices ?? [],
      agent: latest?.agent,
      snapshotAgeSeconds: latest === undefined ? undefined : Math.max(0, Date.now() / 1000 - latest.takenAt),
      snapshotErrors,
    };
    return registry.scrape(seen, format);
  };
}

/** For one that waits behind somebody's RTNL lock. */
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
