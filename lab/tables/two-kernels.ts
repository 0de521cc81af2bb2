// SPDX-License-Identifier: Apache-2.0
// `tapscope bench` on two kernels in turn, A B B A …, a VM for each repeat: what differs by more than noise.
import { differences } from '../../bench/against.ts';
import { ALL_CELLS } from '../../bench/cells.ts';
import { withEarlier } from '../../bench/repeats.ts';
import { savedReport } from '../../bench/saved-report.ts';
import { renderAgainst } from '../../bench/tables/bench-text.ts';

/** Measures one repeat on a kernel of the lab; resolves with its JSON. */
type Measure = (series: string) => Promise<string>;

/** Markdown. */
export async function compareKernels(
  [before, after]: readonly [string, string],
  rounds: number,
  measure: Measure,
): Promise<string> {
  const reports = new Map<string, string>();
  for (let round = 0; round < rounds; round++)
    // Every second round begins with what the one before ended with: what grows with time is in both.
    for (const series of round % 2 === 0 ? [before, after] : [after, before]) {
      const report = await measure(series);
      const earlier = reports.get(series);
      reports.set(series, earlier === undefined ? report : withEarlier(earlier, `Linux ${series}`, report));
    }
  const [then, now] = [before, after].map((series) => savedReport(reports.get(series) ?? '', `Linux ${series}`));
  if (!then || !now) throw new Error('Nothing was measured.');
  const cells = ALL_CELLS.filter(({ id }) => then.runs.has(id) || now.runs.has(id));
  return renderAgainst(
    { file: `Linux ${before}`, before: then, after: now, figures: differences(cells, then, now) },
    'markdown',
  );
}
