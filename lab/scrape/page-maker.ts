// SPDX-License-Identifier: Apache-2.0
// The two that make the same page: tapscope's registry, and prom-client's own with the same series in it.
import { Counter, Gauge, Registry } from 'prom-client';
import { createRegistry, FastRegistry, type Seen } from '../../src/outputs/prometheus.ts';
import { samplesOf } from '../../src/outputs/prometheus-golden.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { prometheusOptions } from './host.ts';

export type Maker = 'tapscope' | 'prom-client';

export const makers: readonly Maker[] = ['tapscope', 'prom-client'];

/** One page as it goes to the socket. */
export type MakePage = () => AsyncIterable<Buffer>;

function seenOf({ devices, agent }: Snapshot): Seen {
  return { devices, agent, snapshotAgeSeconds: 0, snapshotErrors: 0, exposed: false };
}

export async function pageMaker(maker: Maker, snapshot: Snapshot): Promise<MakePage> {
  if (maker === 'tapscope') {
    const registry = createRegistry(prometheusOptions);
    return () => registry.scrape(seenOf(snapshot), 'text');
  }
  const registry = await filledRegistry(snapshot);
  return async function* () {
    yield Buffer.from(await registry.metrics());
  };
}

/** Values are set once: what prom-client takes to bring them up to date before a scrape is not measured. */
async function filledRegistry(snapshot: Snapshot): Promise<Registry> {
  const registry = new Registry();
  const registers = [registry];
  for (const rows of await new FastRegistry(prometheusOptions).rows(seenOf(snapshot))) {
    const samples = samplesOf(rows);
    const [first] = samples;
    if (first === undefined) continue;
    const { name, help, labels: own, type } = rows.metric;
    const labelNames = [...first.subject.labels.map(([label]) => label), ...own];
    const gauge = type === 'gauge' ? new Gauge({ name, help, labelNames, registers }) : undefined;
    const counter = type === 'counter' ? new Counter({ name, help, labelNames, registers }) : undefined;
    for (const { subject, labels, value } of samples) {
      const values = Object.fromEntries([...subject.labels, ...own.map((label, place) => [label, labels[place]])]);
      gauge?.set(values, value);
      counter?.inc(values, value);
    }
  }
  return registry;
}
