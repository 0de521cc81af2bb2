// SPDX-License-Identifier: Apache-2.0
// npm run bench:latency [-- --load] [SERIES…]: whether an agent hurts its host: what loading it takes, what a single packet takes with it,
// and whether packets are lost or held up while it comes and goes. In VMs on the instruction clock, packets on the newest kernel;
// of this machine's own kernel ('here' instead of a series) what loading takes. --load: only that, of all. Writes measured.json
// and the section of docs/overhead.md; what is not measured stays as it was.
import { onOwnHost } from '../faults/own-host.ts';
import { writeSection } from '../report/report.ts';
import { noVm } from '../vm/boot.ts';
import { SERIES } from '../vm/series.ts';
import { readResults, writeResults } from './latency-results.ts';
import { complaints, HERE, latencySection } from './latency-section.ts';
import { loadHere, measureOn } from './measure-latency.ts';

const CYCLES = 20;
const STARTS = 5;
const NEWEST = SERIES.at(-1);

async function main(): Promise<number> {
  const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  const chosen = named.length > 0 ? named : [HERE, ...SERIES];
  if (noVm && chosen.some((one) => one !== HERE)) throw new Error(`The latency was not measured: it ${noVm}.`);
  let results = readResults();
  for (const series of chosen) {
    const cycles = series === NEWEST && !process.argv.includes('--load') ? CYCLES : 0;
    const measured =
      series === HERE ? await loadHere(STARTS) : await measureOn(series, cycles, (line) => console.error(line));
    const known = readResults();
    const before = cycles === 0 ? known.get(series) : undefined;
    results = new Map([...known, [series, before ? { ...before, load: measured.load } : measured]]);
    if (process.argv.includes('--write')) {
      writeResults(results);
      writeSection('latency', latencySection(results));
    }
  }
  console.log(latencySection(results));
  const sentences = [...results].flatMap(([series, measured]) => complaints(series, measured));
  for (const sentence of sentences) console.error(sentence);
  return sentences.length > 0 ? 1 : 0;
}

process.exitCode = await onOwnHost(main);
