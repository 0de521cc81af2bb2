// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/verdicts/main.ts [--write] [--record] [SERIES…]: real faults and what looks like them, on real taps in VMs, and what
// the rules say of them. SEED= replays a run, ONLY= takes the scenarios with that, or one of several (a|b), in their name, VARIANTS=
// says how many of each. SERIES: on these kernels alone, each variant of a scenario on another. --write: into BENCHMARKS.md; --record: the windows become fixtures of the rules' tests.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm } from '../vm/boot.ts';
import { runGuest } from '../vm/guest-program.ts';
import { SERIES } from '../vm/series.ts';
import { SCENARIOS } from './catalogue.ts';
import { RESULT, type Result, resultOf } from './order.ts';
import { type Run, runsOf } from './plan.ts';
import { faultsIn, lineOf, report } from './verdicts-section.ts';

async function main(words: readonly string[]): Promise<void> {
  const named = words.filter((word) => !word.startsWith('--'));
  const series = named.length > 0 ? named : SERIES;
  const [write, record] = [words.includes('--write'), words.includes('--record')];
  if (noVm) throw new Error(`Nothing was judged: it ${noVm}.`);
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  const only = (process.env.ONLY ?? '').split('|');
  console.error(`SEED=${seed}`);
  const runs = runsOf(SCENARIOS, {
    seed,
    variants: Number(process.env.VARIANTS ?? 2),
    series,
    named: ({ name }) => only.some((word) => name.includes(word)),
  });
  const started = performance.now();
  const results = await inTurns(series, 2, (one) => playOn(one, runs, record));
  const minutes = (performance.now() - started) / 60_000;
  const all = results.flat();
  const isWhole = only.includes('') && series === SERIES;
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

// Boots one kernel, which plays its runs; its output is printed as it comes.
const LIMIT_MS = 2_700_000;
/** Here an agent takes as much of an emulated CPU as on a thousand hosts: with fewer of them readers wait for it, truly starved. */
const CPUS = 4;

export async function playOn(series: string, all: readonly Run[], record: boolean): Promise<readonly Result[]> {
  const runs = all.filter(({ variant }) => variant.kernel === series);
  if (runs.length === 0) return [];
  const results: Result[] = [];
  await runGuest(series, 'lab/verdicts/play-in-vm.ts', [JSON.stringify({ runs, record })], {
    say: (line) => console.error(line),
    timeoutMs: LIMIT_MS,
    cpus: CPUS,
    onLine: (line) => {
      const result = line.startsWith(RESULT) ? resultOf(line) : undefined;
      if (result) results.push(result);
      console.error(`${series}: ${result ? lineOf(result) : line}`);
    },
  });
  return results;
}

// What was judged rightly becomes the fixtures of the rules' tests.
const FIXTURES = 'src/diagnosis/fixtures';

/** A whole recording takes the place of the one before. */
export function recordAll(results: readonly Result[], whole: boolean): void {
  if (whole) rmSync(FIXTURES, { recursive: true, force: true });
  mkdirSync(FIXTURES, { recursive: true });
  for (const { run, fixture } of results) {
    if (!run || fixture === undefined) continue;
    const words = SCENARIOS[run.scenario]?.name.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    const name = `${words.join('-')}-${run.variant.kernel}-${run.variant.reader}.json.gz`;
    writeFileSync(join(FIXTURES, name), Buffer.from(fixture, 'base64'));
  }
}

await program(main);
