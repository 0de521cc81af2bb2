// SPDX-License-Identifier: Apache-2.0
// A program that runs on a stage of its own beside the standing agent, and its checks.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { standingAgent, tapscope } from '../../test/agent/serve-process.ts';
import { missing, provide } from '../../test/host/need.ts';
import { type namespaceLab, noLab } from '../../test/host/netns.ts';
import { type CheckResult, ProgramCheck } from './checks.ts';
import { makeStage, type Stage } from './places.ts';
import type { Load, Program, Running } from './program.ts';

interface Checked {
  readonly agent: AgentLab;
  readonly stage: Stage;
  readonly running: Running;
  readonly checks: ProgramCheck;
}

/** The program ends with `t`. `load` undefined: the usual one of all programs. */
export async function checksOf(
  t: Parameters<typeof namespaceLab>[0],
  program: Program,
  load: Load | undefined,
): Promise<Checked> {
  const agent = await standingLab();
  const { socket } = await standingAgent();
  const stage = await makeStage(t);
  const running = await program.start(stage);
  const asked = {
    snapshot: agent.snapshot,
    tapscope: (...words: readonly string[]) => tapscope([...words, '--socket', socket]),
  };
  return { agent, stage, running, checks: new ProgramCheck(asked, stage, running, load) };
}

export function testProgram(program: Program): void {
  const skip = noLab || missing(program.needs.filter((need) => 'debian' in need)) || (program.unavailable?.() ?? false);
  test(`${program.name}: its owner, its reader, and every packet`, { skip }, async (t) => {
    const absent = await provide(program.needs);
    if (absent) return t.skip(absent);
    const { checks } = await checksOf(t, program, program.load);
    const hold = ({ check, wrong, seen }: CheckResult): void => {
      t.diagnostic(`${program.name}, ${check}: ${seen}`);
      assert.deepEqual(wrong, [], check);
    };
    await t.test('owner', async () => hold(await checks.owner()));
    await t.test('reader, exact UDP', async () => (await checks.udp()).forEach(hold));
    await t.test('exact TCP', async () => hold(await checks.tcp()));
  });
}
