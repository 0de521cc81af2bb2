// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/programs.ts [--write] [--table] [--cases] [--idle] [--busy]: real programs, real faults, and what tapscope says of them.
// ONLY= takes the programs, and the cases, with that in their name. --write: into docs/programs.md.

import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askSnapshot } from '../src/commands/ask-agent.ts';
import type { CheckResult } from './programs/checks.ts';
import { ProgramCheck } from './programs/checks.ts';
import { busyLoops } from './programs/load.ts';
import { provide } from './programs/need.ts';
import { playAll } from './programs/play.ts';
import { PROGRAMS } from './programs/programs.ts';
import { type Conditions, caseLine, isGood, report, type TableRow } from './programs/report.ts';
import { makeStage } from './programs/stage.ts';
import { startAgent, tapscope } from './serve.ts';

const FILE = join(dirname(fileURLToPath(import.meta.url)), '../docs/programs.md');
const BUSY_LOOPS = 10;

/** Undone in the reverse order, whether it went well or not. */
async function scoped<Value>(run: (t: { after(undo: () => unknown): void }) => Promise<Value>): Promise<Value> {
  const undo: (() => unknown)[] = [];
  try {
    return await run({ after: (step) => void undo.push(step) });
  } finally {
    for (let step = undo.pop(); step; step = undo.pop())
      await Promise.resolve(step()).catch((error: unknown) => console.error(error));
  }
}

const only = process.env.ONLY ?? '';

async function table(): Promise<readonly TableRow[]> {
  const rows: TableRow[] = [];
  for (const program of PROGRAMS.filter(({ name }) => name.includes(only))) {
    const row = await scoped(async (t): Promise<TableRow> => {
      const skipped = (await provide(program.needs)) || program.obstacle?.();
      if (skipped) return { program, skipped, results: [] };
      const { socket } = await startAgent(t, ['--budget=off']);
      const stage = await makeStage(t);
      const asked = {
        snapshot: () => askSnapshot(socket),
        tapscope: (...words: readonly string[]) => tapscope([...words, '--socket', socket]),
      };
      const checks = new ProgramCheck(asked, stage, await program.start(stage), program.load);
      const results: CheckResult[] = [await checks.owner(), ...(await checks.udp()), await checks.tcp()];
      return { program, skipped: undefined, results };
    }).catch((error: unknown): TableRow => {
      const failure = error instanceof Error ? error.message : String(error);
      return { program, skipped: `failed: ${failure.split('\n').slice(0, 3).join(' ')}`, results: [] };
    });
    console.error(JSON.stringify({ program: program.name, skipped: row.skipped, results: row.results }));
    rows.push(row);
  }
  return rows;
}

function cases(loops: number): Promise<Conditions> {
  return scoped(async (t) => {
    const { socket } = await startAgent(t);
    busyLoops(t, loops);
    const began = performance.now();
    const tell = (result: Parameters<typeof caseLine>[0]): void => console.error(caseLine(result));
    const after = (undo: () => Promise<void>): void => t.after(undo);
    const results = await playAll({ t: { after }, socket, only: (name) => name.includes(only), tell });
    return { loops, results, minutes: (performance.now() - began) / 60_000 };
  });
}

const words = process.argv.slice(2);
const has = (word: string): boolean => words.includes(word);
const all = !has('--table') && !has('--cases');
const began = performance.now();
const rows = all || has('--table') ? await table() : [];
const conditions: Conditions[] = [];
if (all || has('--cases')) {
  if (!has('--busy')) conditions.push(await cases(0));
  if (!has('--idle')) conditions.push(await cases(BUSY_LOOPS));
}
const minutes = (performance.now() - began) / 60_000;
const text = report({ rows, conditions, kernel: release(), date: new Date(), minutes });
console.log(text);
if (has('--write') && all && only === '') writeFileSync(FILE, text);
process.exit(isGood(rows, conditions) ? 0 : 1); // what a program left behind must not keep it
