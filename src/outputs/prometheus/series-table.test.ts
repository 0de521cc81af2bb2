// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The table of docs/metrics.md that says how many series a tap has, counted in the windows that the lab recorded. UPDATE=1 writes it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cataloguePage, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import { recordedHosts } from '../../../test/snapshots/recorded-hosts.ts';
import type { Device } from '../../snapshot/device.ts';
import type { Detail } from './detail.ts';

const PAGE = 'docs/metrics.md';
const [BEGIN, END] = ['<!-- series -->\n', '<!-- /series -->\n'];

const LEVELS: readonly (readonly [detail: Detail, name: string, shows: string])[] = [
  ['core', '`core`', 'one series a device, only metrics marked `core` below, which alerts and fleet rules need'],
  ['device', '`device`', 'one series a device, without metrics marked `full`'],
  ['queue', '`queue` (default)', 'one series a queue; of a histogram one a device'],
  ['full', '`full`', 'one series a queue, of all metrics'],
];

const hosts = recordedHosts();
/** By kernel; a device of many queues only in the last column. */
const devices = (kernel: string): readonly Device[] =>
  hosts.filter(({ file }) => file.includes(`-${kernel}-`)).flatMap(({ snapshots }) => snapshots.at(-1)?.devices ?? []);

/** The series of one tap; `native`: its histograms are one series each. */
async function seriesOf(
  detail: Detail,
  device: Device,
): Promise<Readonly<Record<'classic' | 'native' | 'further', number>>> {
  const seen = { ...goldenSeen, agent: undefined, findings: [], devices: [device] };
  const page = await text(cataloguePage(detail).scrape(seen, 'text'));
  const lines = page.match(/^tapscope_\w+\{.*device=".*$/gm) ?? [];
  const parts = lines.filter((line) => /^\w+_seconds_(bucket|sum)\{|^\w+_packets_(bucket|sum)\{/.test(line));
  return {
    classic: lines.length,
    native: lines.length - parts.length,
    further: lines.filter((line) => line.includes('queue="1"')).length,
  };
}

function range(numbers: readonly number[]): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? `${most}` : `${least}–${most}`;
}

async function rowOf([detail, name, shows]: (typeof LEVELS)[number]): Promise<string> {
  const count = (of: readonly Device[]) => Promise.all(of.map((device) => seriesOf(detail, device)));
  const single = (kernel: string) => count(devices(kernel).filter(({ queues }) => queues.length === 1));
  const [old, recent] = [await single('6.1'), await single('7.3')];
  const several = await count(devices('7.3').filter(({ queues }) => queues.length > 1));
  const cells = [
    range(old.map(({ classic }) => classic)),
    range(recent.map(({ classic }) => classic)),
    range(recent.map(({ native }) => native)),
    range(several.map(({ further }) => further)),
  ];
  return `| ${[name, shows, ...cells].join(' | ')} |\n`;
}

test('the numbers of series in docs/metrics.md are those of the recorded windows (UPDATE=1 writes them)', async () => {
  const rows: string[] = [];
  for (const level of LEVELS) rows.push(await rowOf(level));
  const table = [
    '| `--detail` | shows | a tap of one queue, Linux 6.1 | Linux 7.3 | the same, native histograms | each further queue |\n',
    '|---|---|--:|--:|--:|--:|\n',
    ...rows,
    '| `cpu` | also those of each queue and CPU | – | – | – | – |\n',
  ].join('');
  const document = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = document.split(BEGIN);
  const [, after = ''] = rest.split(END);
  assert.ok(after !== '', `${PAGE} has no place for the table`);
  const fresh = `${before}${BEGIN}${table}${END}${after}`;
  if (process.env.UPDATE === '1') writeFileSync(PAGE, fresh);
  assert.equal(readFileSync(PAGE, 'utf8'), fresh);
});
