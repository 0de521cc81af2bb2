// SPDX-License-Identifier: Apache-2.0
// The table: each program by itself, with an agent that keeps counting everything, and its four checks.
import { askSnapshot } from '../../src/commands/ask-agent.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { provide } from '../../test/host/need.ts';
import type { Scope } from '../../test/host/scope.ts';
import { scoped } from '../../test/host/scope.ts';
import { PROGRAMS } from './all-programs.ts';
import { ProgramCheck } from './checks.ts';
import type { TableRow } from './part.ts';
import { makeStage } from './places.ts';
import type { Program } from './program.ts';

export async function table(
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
