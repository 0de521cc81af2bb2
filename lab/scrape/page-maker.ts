// SPDX-License-Identifier: Apache-2.0
// The two that make the same page: tapscope's own code, and prom-client's own with the same series in it.
import { Registry } from 'prom-client';
import { createMetricsPage, MetricsPage, type Seen } from '../../src/outputs/prometheus/prometheus-page.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { fillRegistry } from '../../test/snapshots/client-registry.ts';
import { prometheusOptions } from '../../test/snapshots/made-up-host.ts';

export type Maker = 'tapscope' | 'prom-client';

/** One page as it goes to the socket. */
type MakePage = () => AsyncIterable<Buffer>;

function seenOf({ devices, agent }: Snapshot): Seen {
  return { devices, agent, snapshotAgeSeconds: 0, snapshotErrors: 0, exposed: false, findings: [] };
}

export async function pageMaker(maker: Maker, snapshot: Snapshot): Promise<MakePage> {
  if (maker === 'tapscope') {
    const page = createMetricsPage(prometheusOptions);
    return () => page.scrape(seenOf(snapshot), 'text');
  }
  const registry = await filledRegistry(snapshot);
  return async function* () {
    yield Buffer.from(await registry.metrics());
  };
}

/** Values are set once: what prom-client takes to bring them up to date before a scrape is not measured. */
async function filledRegistry(snapshot: Snapshot): Promise<Registry> {
  const registry = new Registry();
  const page = new MetricsPage(prometheusOptions, new Registry());
  for (const rows of await page.rows(seenOf(snapshot))) fillRegistry(registry, rows);
  return registry;
}
