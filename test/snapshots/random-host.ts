// SPDX-License-Identifier: Apache-2.0
// Devices with odd names and values, queues that come and go: what a page must show whatever the host is.
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Seen } from '../../src/outputs/prometheus/prometheus-page.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Identity } from '../../src/snapshot/owner.ts';
import type { Queue } from '../../src/snapshot/queue.ts';
import type { Random } from '../host/random.ts';
import type { AnyRegistry } from './client-registry.ts';
import { goldenSnapshot } from './golden-snapshot.ts';

const oddNames = ['tap0', 'tap0', 'a"b', 'back\\slash', 'new\nline', 'é~{}=,#', '\\"', '\\n', '0', '\u{1f600}', ' '];
const oddValues = [0, 1, -1, 0.1, 1e21, -1e-7, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = random.pick(items);
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

function randomQueue(random: Random, template: Queue, index: number): Queue {
  const count = () => random.below(1e6);
  const reasons = ['FULL_RING', 'TAP_FILTER', ...oddNames.slice(2)].slice(0, random.below(6));
  const counters = {
    offered: count(),
    offeredBytes: 2 ** 53 + count(),
    enqueued: count(),
    dropped: reasons.map((reason) => ({ reason, packets: count() })),
    consumed: random.below(2) === 0 ? undefined : { read: count(), vhost: count() },
    purged: count(),
    resized: count(),
    failed: count(),
    unproduced: count(),
    overflowed: count(),
    delivered: random.below(2) === 0 ? undefined : count(),
  };
  return {
    ...template,
    index,
    counters: random.below(4) === 0 ? undefined : counters,
    perCpu: [0, 1, 2]
      .slice(random.below(4))
      .map((cpu) => ({ cpu, offered: count(), dropped: count(), sentBySoftirq: 0 })),
    vhost: random.below(3) === 0 ? undefined : template.vhost,
    owner:
      random.below(3) === 0
        ? undefined
        : { pid: random.below(9), comm: pick(random, oddNames), startedAt: undefined, identity: identity(random) },
    audit: [{ equation: 'ring', imbalance: pick(random, oddValues) }],
    degraded: random.below(2) === 0 ? [] : ['why'],
  };
}

function identity(random: Random): Identity | undefined {
  if (random.below(3) === 0) return undefined;
  const odd = (): string => pick(random, oddNames);
  return { program: odd(), vm: odd(), uuid: odd(), runtime: odd(), container: odd(), pod: odd(), unit: odd() };
}

function randomDevice(random: Random, id: number): Device {
  const template = pick(random, goldenSnapshot.devices);
  const queue = template.queues[0];
  if (queue === undefined) throw new Error('the golden host has a device without a queue');
  return {
    ...template,
    netns: 1 + random.below(3),
    name: pick(random, oddNames),
    id: String(id),
    queues: Array.from({ length: random.below(4) }, (_, index) => randomQueue(random, queue, index)),
  };
}

/** Each another rule: no two findings have the same labels. */
function randomFindings(random: Random): Seen['findings'] {
  return Array.from({ length: random.below(5) }, (_, index) => ({
    rule: `rule-${index}`,
    severity: pick(random, ['info', 'warning', 'critical']),
    netns: random.below(3) === 0 ? undefined : random.below(3),
    device: random.below(3) === 0 ? undefined : pick(random, oddNames),
    queue: random.below(2) === 0 ? undefined : random.below(4),
  }));
}

/** Metrics of each type. */
export function ownMetrics(registers: AnyRegistry[]): void {
  new Counter({ name: 'own_runs_total', help: 'A counter.', labelNames: ['why'], registers }).inc({ why: 'a"\\\n' }, 3);
  new Gauge({ name: 'own_level', help: 'A back\\slash and a\nline.', registers }).set(Number.NaN);
  const histogram = new Histogram({
    name: 'own_seconds',
    help: 'A histogram.',
    labelNames: ['kind'],
    buckets: [0.1, 1],
    registers,
  });
  histogram.observe({ kind: 'x' }, 0.5);
  histogram.observe({ kind: 'y' }, 5);
}

/** What is seen at one scrape after the other. Few ids: the same device is seen again as the same object, or with other names, queues and values. */
export function* randomScrapes(random: Random, scrapes: number): Generator<Seen, void, undefined> {
  const before = new Map<number, Device>();
  for (let scrape = 0; scrape < scrapes; scrape += 1) {
    const ids = [...new Set(Array.from({ length: random.below(12) }, () => random.below(8)))];
    const devices = ids.map((id) => (random.below(2) === 0 && before.get(id)) || randomDevice(random, id));
    for (const device of devices) before.set(Number(device.id), device);
    yield {
      devices,
      agent: random.below(5) === 0 ? undefined : goldenSnapshot.agent,
      snapshotAgeSeconds: pick(random, oddValues),
      snapshotErrors: scrape,
      exposed: random.below(2) === 0,
      findings: randomFindings(random),
    };
  }
}
