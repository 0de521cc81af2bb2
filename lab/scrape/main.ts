// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/scrape/main.ts [--write]: what a scrape costs at 1 000, 10 000 and 100 000 series, beside prom-client; --write: into BENCHMARKS.md.
import { writeSection } from '../report/report.ts';
import { measure } from './measure-scrapes.ts';
import { type Pair, report } from './scrape-section.ts';

/** Series, and how often they are scraped. */
const SIZES = [
  [1000, 40],
  [10_000, 30],
  [100_000, 20],
] as const;

const pairs: Pair[] = [];
for (const [series, scrapes] of SIZES) {
  console.error(`${series} series …`);
  pairs.push({
    ours: await measure('tapscope', series, scrapes),
    theirs: await measure('prom-client', series, scrapes),
  });
}
const text = report(pairs);
console.log(text);
if (process.argv.includes('--write')) writeSection('scrape', text);
