// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/verdicts/main.ts [--write] [--record] [SERIES…]: real faults and what looks like them, on real taps in VMs, and what
// the rules say of them. SEED= replays a run, ONLY= takes the scenarios with that in their name, VARIANTS= says how many of
// each. --write: into BENCHMARKS.md; --record: the windows become fixtures of the rules' tests.
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm } from '../vm/boot.ts';
import { SERIES } from '../vm/series.ts';
import { SCENARIOS } from './catalogue.ts';
import { playOn } from './on-kernel.ts';
import { runsOf } from './plan.ts';
import { recordAll } from './record-fixtures.ts';
import { faultsIn, report } from './verdicts-section.ts';

async function main(words: readonly string[]): Promise<void> {
  const named = words.filter((word) => !word.startsWith('--'));
  const series = named.length > 0 ? named : SERIES;
  const [write, record] = [words.includes('--write'), words.includes('--record')];
  if (noVm) throw new Error(`Nothing was judged: it ${noVm}.`);
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  const only = process.env.ONLY ?? '';
  console.error(`SEED=${seed}`);
  const runs = runsOf(SCENARIOS, {
    seed,
    variants: Number(process.env.VARIANTS ?? 2),
    series: SERIES,
    named: ({ name }) => name.includes(only),
  });
  const started = performance.now();
  const results = await inTurns(series, 2, (one) => playOn(one, runs, record));
  const minutes = (performance.now() - started) / 60_000;
  const all = results.flat();
  const isWhole = only === '' && series === SERIES;
  if (record) recordAll(all, isWhole);
  const text = report(all, { seed, minutes });
  console.log(text);
  if (write && isWhole) writeSection('verdicts', text);
  else if (write) console.error('BENCHMARKS.md stays as it is: only a part was played.');
  if (faultsIn(all) > 0) process.exitCode = 1;
}

async function inTurns<Item, Value>(
  items: readonly Item[],
  atOnce: number,
  play: (item: Item) => Promise<Value>,
): Promise<readonly Value[]> {
  const left = [...items.entries()];
  const values: Value[] = [];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) values[next[0]] = await play(next[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return values;
}

await program(main);
