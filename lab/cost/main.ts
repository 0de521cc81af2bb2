// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/cost/main.ts [--write | --check] [--ours | --row=NAME] [SERIES…]: the price of the product's probes in instructions per packet. They run in VMs
// on QEMU's instruction clock: a busy machine measures the same as an idle one. --write: into BENCHMARKS.md and
// lab/cost/baseline.json, where what is not measured now stays; --ours: without empty programs and other tools; --row: of one row alone;
// --check: only whether a packet has become dearer than the baseline.
import { writeFileSync } from 'node:fs';
import { complain, program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm } from '../vm/boot.ts';
import {
  BASELINE_CONFIGURATIONS,
  baselineFile,
  baselineText,
  grown,
  growthLine,
  growthOn,
  type Measurement,
  readMeasured,
  SERIES,
  together,
} from './baseline.ts';
import { BASELINE, CONFIGURATIONS, isOurs } from './configurations.ts';
import { readVersions, report } from './cost-section.ts';
import { apart, brokenLimits, differenceOf, manyRings, priceTable, scaleTable } from './cost-table.ts';
import { type Measured, measureOn } from './measure-paths.ts';
import { providePeers } from './peers.ts';

const [LIMITED] = SERIES;
const EXTENT = { rounds: 5, scales: true, timeoutMs: 7_200_000 };
const say = (line: string): void => console.error(line);

async function main(words: readonly string[]): Promise<void> {
  if (noVm) {
    throw new Error(`The price was not measured: it ${noVm}.`);
  }
  const named = words.filter((word) => !word.startsWith('--'));
  const series = named.length > 0 ? named : SERIES;
  if (words.includes('--check')) {
    await check(series);
  } else {
    await measure(series, { write: words.includes('--write'), configurations: wanted(words) });
  }
}

async function check(series: readonly string[]): Promise<void> {
  for (const one of series) {
    const growth = await growthOn(one, say);
    for (const each of growth) console.log(`Linux ${one}, ${growthLine(each)}`);
    complain(grown(growth));
  }
}

/** What is clocked, by name. */
function wanted(words: readonly string[]): readonly string[] {
  const row = words.find((word) => word.startsWith('--row='))?.slice('--row='.length);
  const names = CONFIGURATIONS.map(({ name }) => name);
  if (row === undefined)
    return words.includes('--ours') ? CONFIGURATIONS.filter(isOurs).map(({ name }) => name) : names;
  if (!names.includes(row)) throw new Error(`There is no row '${row}'. The rows are: ${names.join('; ')}.`);
  return [BASELINE, row];
}

async function measure(
  series: readonly string[],
  { write, configurations }: { readonly write: boolean; readonly configurations: readonly string[] },
) {
  const others = configurations.length === CONFIGURATIONS.length;
  if (others) await providePeers(say);
  const versions = readVersions();
  const missing = [...versions.packages].flatMap(([name, version]) => (version === undefined ? [name] : []));
  if (missing.length > 0 && others) {
    throw new Error(`The price was not measured: other tools are measured too. apt install ${missing.join(' ')}`);
  }
  const past = readMeasured(SERIES);
  const results = new Map(past);
  // Two VMs at a time: on the instruction clock one measures the same beside the other.
  const measurements = await Promise.all(series.map((one) => measureSeries(one, configurations)));
  for (const [at, one] of series.entries()) {
    const measurement = measurements[at];
    const before = past.get(one);
    if (!measurement) continue;
    if (configurations.length > 2) results.set(one, together(before, measurement));
    else if (before?.kernel === measurement.measured.kernel)
      results.set(one, together(before, { ...measurement, difference: before.difference }));
    else
      say(`Linux ${one}: the other rows are of ${before?.kernel}: this one is not written beside them. Measure all.`);
  }
  if (write) {
    const difference = Math.max(...[...results.values()].map((one) => one.difference));
    writeSection('cost', report(results, { limited: LIMITED, versions, difference }));
    writeFileSync(baselineFile, baselineText(results));
  }
}

async function measureSeries(series: string, configurations: readonly string[]): Promise<Measurement> {
  const measured = await measureOn(series, { configurations, ...EXTENT }, say);
  console.log(`Linux ${series} (${measured.kernel})\n\n${priceTable(measured)}\n\n${scaleTable(measured)}\n`);
  for (const [name, reason] of measured.notRun) console.log(`not run: ${name}: ${reason}`);
  complain(manyRings(measured));
  if (series === LIMITED) complain(brokenLimits(measured));
  return { measured, difference: await again(series, measured, configurations) };
}

/** How far a second run of what is guarded is from the first. */
async function again(series: string, measured: Measured, among: readonly string[]): Promise<number> {
  const configurations = BASELINE_CONFIGURATIONS.filter((name) => among.includes(name));
  const extent = { configurations, ...EXTENT, scales: false };
  const second = await measureOn(series, extent, say);
  complain(apart(measured, second));
  return differenceOf(measured, second);
}

await program(main);
