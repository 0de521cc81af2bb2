// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { readMeasured } from './baseline.ts';
import { SERIES } from './compare-baseline.ts';
import { CONFIGURATIONS, DEFAULT_LEVEL } from './configurations.ts';
import { report } from './cost-section.ts';
import type { Measured } from './measure-paths.ts';
import type { Prices } from './packet-paths.ts';

const [LIMITED] = SERIES;
const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../BENCHMARKS.md'), 'utf8');

function sectionOf(nothing: Prices, exact: Prices): readonly string[] {
  const prices = new Map(CONFIGURATIONS.map(({ name }) => [name, name === DEFAULT_LEVEL ? exact : nothing]));
  const measured: Measured = { kernel: '7.3-1', prices, notRun: new Map() };
  const versions = { packages: new Map<string, string>() };
  return report(new Map([[LIMITED, measured]]), { limited: LIMITED, versions, difference: 0 }).split('\n');
}

test('a limit that is broken is said beside the figure', () => {
  const nothing = { enqueue: 4000, drop: 3000, 'enqueue, 256 queues': 4000 };
  const exact = { enqueue: 4220, drop: 3010, 'enqueue, 256 queues': 4540.5 };
  const lines = sectionOf(nothing, exact);
  assert.ok(lines.includes('| level exact, enqueue | 220 | 220 | yes |'));
  assert.ok(lines.includes('| level exact, enqueue, 256 queues | 541 | 240 | **does not hold**: 301 over |'));
  assert.ok(
    lines.includes('| level exact, many rings against one, of the whole price | 7.6 % | 5.0 % | **does not hold** |'),
  );
  const dearer =
    "* **does not hold**: A drop is dearer with 'level exact' than with 'pattern of ebpf_exporter: all of it'.";
  assert.ok(lines.includes(dearer));
});

test('all tables of the page are those of the committed baseline', () => {
  const measured = readMeasured(SERIES);
  const difference = Math.max(...[...measured.values()].map((one) => one.difference));
  const section = report(measured, { limited: LIMITED, versions: { packages: new Map() }, difference });
  const [ours = ''] = section.split('## Versions and commands');
  assert.ok(page.includes(ours), 'run npm run bench:cost');
});
