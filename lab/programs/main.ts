// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/programs/main.ts [--write] [--report] [table] [idle] [busy]: real programs, real faults, and what tapscope says of them.
// ONLY= takes the programs, and the cases ("openvpn: idle"), with that, or one of several (a|b), in their name. --write: into docs/programs.md; --report: of what
// ran before, and nothing is played. A part that has not run here keeps what the page says of it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg, release } from 'node:os';
import { join } from 'node:path';
import { askSnapshot } from '../../src/commands/ask-agent.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { busyLoops } from '../../test/host/busy-cpus.ts';
import { provide } from '../../test/host/need.ts';
import { type Scope, scoped } from '../../test/host/scope.ts';
import { PROGRAMS } from './all-programs.ts';
import { ProgramCheck } from './checks.ts';
import type { Result } from './diagnose-answer.ts';
import { keepPart, keptPart, PARTS, type Part, type PartName, type TableRow } from './part.ts';
import { makeStage } from './places.ts';
import { playAll } from './play-cases.ts';
import type { Program } from './program.ts';
import { caseLine, report } from './programs-page.ts';
import { shortcomings } from './shortcomings.ts';

const FILE = join(import.meta.dirname, '../../docs/programs.md');
const BUSY_LOAD = 10;

const only = process.env.ONLY ?? '';
const isWanted = (name: string): boolean => only.split('|').some((part) => name.includes(part));

async function play(name: PartName): Promise<Part> {
  const began = performance.now();
  const [load = 0] = loadavg();
  // What else runs on this machine is part of the load.
  const loops = name === 'busy' ? Math.max(0, Math.ceil(BUSY_LOAD - load)) : 0;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const date = new Date().toISOString();
  const partOf = (rows: Part['rows'], results: Part['results']): Part => {
    const [loadAtEnd = 0] = loadavg();
    const minutes = (performance.now() - began) / 60_000;
    return { rows, results, loops, loads: [load, loadAtEnd], minutes, kernel: release(), date, commit };
  };
  // A run that is ended early has what it played until then.
  const keep = (rows: Part['rows'], results: Part['results']): void => {
    if (only === '') keepPart(name, partOf(rows, results));
  };
  if (name === 'table') return partOf(await table(isWanted, (rows) => keep(rows, [])), []);
  return partOf([], await cases(loops, (results) => keep([], results)));
}

function cases(loops: number, keep: (results: Part['results']) => void): Promise<Part['results']> {
  return scoped(async (t) => {
    const { socket } = await startAgent(t);
    busyLoops(t, loops);
    const played: Result[] = [];
    const tell = (result: Result): void => {
      played.push(result);
      console.error(caseLine(result));
      keep(played);
    };
    return playAll({ t, socket, only: isWanted, tell });
  });
}

const words = process.argv.slice(2);
const named = PARTS.filter((name) => words.includes(name));
const chosen = named.length > 0 ? named : PARTS;
const parts: Partial<Record<PartName, Part>> = {};
for (const name of PARTS) {
  const isPlayed = chosen.includes(name) && !words.includes('--report');
  const part = isPlayed ? await play(name) : keptPart(name);
  if (!part) continue;
  if (isPlayed && only === '') keepPart(name, part);
  if (isPlayed || only === '') parts[name] = part;
}
const text = report(parts, existsSync(FILE) ? readFileSync(FILE, 'utf8') : '');
console.log(text);
if (words.includes('--write') && only === '') writeFileSync(FILE, text);
const lacking = shortcomings(parts, chosen, only === '');
for (const one of lacking) console.error(`not proved: ${one}`);
process.exit(lacking.length === 0 ? 0 : 1); // what a program left behind must not keep it

// The table: each program by itself, with an agent that keeps counting everything, and its four checks.
async function table(
  only: (name: string) => boolean,
  keep: (rows: readonly TableRow[]) => void,
): Promise<readonly TableRow[]> {
  const rows: TableRow[] = [];
  for (const program of PROGRAMS.filter(({ name }) => only(name))) {
    const row = await scoped((t) => rowOf(t, program)).catch((error: unknown) => failed(program, error));
    console.error(JSON.stringify(row));
    rows.push(row);
    keep(rows);
  }
  return rows;
}

async function rowOf(t: Scope, program: Program): Promise<TableRow> {
  const head = { program: program.name, from: program.from, cannot: program.cannot ?? {} };
  const skipped = (await provide(program.needs)) || program.unavailable?.();
  if (skipped) return { ...head, skipped, results: [] };
  const { socket } = await startAgent(t, ['--budget=off']);
  const stage = await makeStage(t);
  const asked = {
    snapshot: () => askSnapshot(socket),
    tapscope: (...words: readonly string[]) => tapscope([...words, '--socket', socket]),
  };
  const checks = new ProgramCheck(asked, stage, await program.start(stage), program.load);
  const cannot = (check: keyof typeof head.cannot): boolean => head.cannot[check] !== undefined;
  const results = [
    await checks.owner(),
    ...(cannot('exact UDP') ? [] : await checks.udp()),
    ...(cannot('exact TCP') ? [] : [await checks.tcp()]),
  ];
  return { ...head, skipped: undefined, results };
}

function failed({ name, from }: Program, error: unknown): TableRow {
  const failure = error instanceof Error ? error.message : String(error);
  const skipped = `failed: ${failure.split('\n').slice(0, 4).join(' ')}`;
  return { program: name, from, cannot: {}, skipped, results: [] };
}
