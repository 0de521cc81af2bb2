// SPDX-License-Identifier: Apache-2.0
// Files of --save: compared with each other, and added to.
import { statSync } from 'node:fs';
import { readOperatorFile } from '../src/operator-file.ts';
import { escapedJson } from '../src/snapshot/visible.ts';
import { differences } from './against.ts';
import { readBaseline } from './baseline.ts';
import type { BenchFlags } from './bench-options.ts';
import { objectionToAdding, type RunConditions, withEarlier } from './repeats.ts';
import { readSavedReport } from './saved-report.ts';
import { renderAgainst } from './tables/bench-text.ts';

/** Prints how two files differ. Measures nothing, so it needs no rights and no tun. The exit code is 0 whatever the answer is. */
export async function compareFiles(
  { cells: chosen, format }: BenchFlags,
  file: string,
  figures: string,
): Promise<number> {
  const after = await readSavedReport(figures);
  const before = await readBaseline(
    file,
    chosen.filter(({ id }) => after.runs.has(id)),
    { ...after, cpuModel: after.host.cpuModel },
  );
  const cells = chosen.filter(({ id }) => after.runs.has(id) || before.runs.has(id));
  const against = { file, before, after, figures: differences(cells, before, after) };
  const compared = { file, figures: against.figures };
  process.stdout.write(
    format === 'json'
      ? `${escapedJson(JSON.stringify({ ...JSON.parse(await readOperatorFile(figures)), against: compared }, null, 2))}\n`
      : renderAgainst(against, format),
  );
  return 0;
}

/** What is there already was kept by --save on this host and kernel, or nothing is: one learns that before the work. */
export async function requireAddable(file: string, conditions: RunConditions): Promise<void> {
  if (!isThere(file)) return;
  const objection = objectionToAdding(await readSavedReport(file), conditions);
  if (objection !== undefined) throw new Error(`${file} ${objection}`);
}

/** What the file is to be. It is read when all is measured: another run may have added to it meanwhile. */
export async function withKept(file: string, report: string): Promise<string> {
  return isThere(file) ? withEarlier(await readOperatorFile(file), file, report) : report;
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
