// SPDX-License-Identifier: Apache-2.0
// What a fleet keeps of made-up hosts: series that a real Prometheus recorded from a real agent's pages, under many names.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { FACTOR_TIER } from '../../dashboards/promql/factor-tier.ts';
import { startMadeUpFleet } from '../../dashboards/test/made-up-fleet.ts';
import { type Series, startPrometheus } from '../../dashboards/test/prometheus.ts';
import { FINDING, READER, TAP_TIER } from '../../src/fleet/tier.ts';
import type { WrittenSeries } from './remote-write.ts';

export const JOB = 'made-up';
const TENANTS = 2000;
/** Rules whose series are recorded one after another: once all of these exist, the host is complete. */
const NEEDED = [
  ...TAP_TIER.filter(({ record }) => record !== FINDING.record && record !== READER.record),
  ...FACTOR_TIER,
].filter(({ record }) => !record.startsWith('shard:'));
const WITHIN_MS = 120_000;
/** Hosts of one shard. */
const SHARD = 100;

interface Template {
  /** The series of one tap, of one host, of one shard. */
  readonly tap: readonly Series[];
  readonly host: readonly Series[];
  readonly shard: readonly Series[];
}

/** Records one host that was recorded on Linux 7.3, by the rules of deploy/fleet. */
export async function templateOf(t: { after(undo: () => Promise<unknown>): void }, folder: string): Promise<Template> {
  const rules = join(folder, 'template-rules.yml');
  writeFileSync(
    rules,
    readFileSync('deploy/fleet/tapscope-fleet.yml', 'utf8').replaceAll('interval: 60s', 'interval: 1s'),
  );
  const fleet = await startMadeUpFleet(t, [{ kernel: '7.3.4+deb14-amd64', tenant: 'tenant', loses: true }]);
  const prometheus = await startPrometheus(t, fleet.instances, [rules]);
  let all: readonly Series[] = [];
  const has = (name: string): boolean => all.some(({ labels }) => labels.__name__ === name);
  const deadline = performance.now() + WITHIN_MS;
  while (!NEEDED.every(({ record }) => has(record))) {
    if (performance.now() > deadline) throw new Error('The rules recorded no whole tap in time.');
    await wait(500);
    all = await prometheus.query('{__name__=~"(tap|host|factor):tapscope_.*"}');
  }
  const named = (start: string): readonly Series[] => all.filter(({ labels }) => labels.__name__?.startsWith(start));
  return {
    tap: named('tap:').filter(({ labels }) => labels.device === 'vnet1'),
    host: named('host:'),
    shard: named('factor:'),
  };
}

/** Counters grow by 1 to 100 packets a turn; all other values stay what they were. */
function growthOf({ labels, points }: Series, number: number): WrittenSeries['value'] {
  const recorded = points[0]?.[1] ?? 0;
  if (!/_packets:sum$/.test(labels.__name__ ?? '')) return () => recorded;
  const step = 1 + (number % 100);
  return (turn) => recorded + step * turn;
}

export function seriesOf(template: Template, hosts: number, taps: number): readonly WrittenSeries[] {
  const made: WrittenSeries[] = [];
  for (let host = 0; host < hosts; host++) {
    const own = { instance: `made-up-${host}:10747`, job: JOB };
    for (const one of template.host) made.push({ labels: { ...one.labels, ...own }, value: growthOf(one, host) });
    for (let tap = 0; tap < taps; tap++) {
      const number = host * taps + tap;
      for (const one of template.tap) {
        const tenant = one.labels.tenant === undefined ? {} : { tenant: `tenant-${number % TENANTS}` };
        made.push({ labels: { ...one.labels, ...own, ...tenant, device: `vnet${tap}` }, value: growthOf(one, number) });
      }
    }
  }
  for (let shard = 0; shard * SHARD < hosts; shard++)
    for (const one of template.shard)
      for (const value of one.labels.factor === 'tenant' ? tenantsOf(shard, taps) : [one.labels.value ?? ''])
        made.push({ labels: { ...one.labels, value, job: JOB, shard: `made-up-${shard}` }, value: growthOf(one, 0) });
  return made;
}

function tenantsOf(shard: number, taps: number): readonly string[] {
  const numbers = Array.from({ length: Math.min(TENANTS, SHARD * taps) }, (_, index) => index + shard * SHARD * taps);
  return numbers.map((number) => `tenant-${number % TENANTS}`);
}
