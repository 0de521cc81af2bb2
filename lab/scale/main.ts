// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/scale/main.ts [--write] [--clock | QUEUES …]: what the agent takes of a host with many real taps; --write: into BENCHMARKS.md.
// --clock: in instructions, in a VM, in three minutes; with --write in nine, and CI compares with it.
// 256, 1 024 and 4 096 queues unless told otherwise, in nine minutes. The agent must be the only one in its network namespace.
import { argv } from 'node:process';
import { writeSection } from '../report/report.ts';
import { clock, clockedSection, compared, readBaseline, writeBaseline } from './clocked.ts';
import { measure, type Scaled } from './measure.ts';
import { report } from './scale-table.ts';

/** V8 does not compile and collect garbage at the same moments: of these runs the median is kept. */
const BASELINE_RUNS = 3;
const USUAL = [256, 1024, 4096];

async function clocked(): Promise<void> {
  const now = await clock(say, argv.includes('--write') ? BASELINE_RUNS : 1);
  for (const line of compared(readBaseline(), now)) say(line);
  console.log(clockedSection(now));
  if (!argv.includes('--write')) return;
  writeBaseline(now);
  writeSection('clocked', clockedSection(now));
}

async function timed(): Promise<void> {
  const asked = argv.slice(2).flatMap((word) => (/^\d+$/.test(word) ? [Number(word)] : []));
  const measured: Scaled[] = [];
  for (const queues of asked.length > 0 ? asked : USUAL) measured.push(await measure(queues));
  const text = report(measured);
  console.log(text);
  if (argv.includes('--write')) writeSection('scale', text);
}

function say(line: string): void {
  console.error(line);
}

await (argv.includes('--clock') ? clocked() : timed());
