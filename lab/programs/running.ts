// SPDX-License-Identifier: Apache-2.0
// A program that runs on a stage of its own beside the standing agent, and its checks.
import { type AgentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { standingAgent, tapscope } from '../../test/agent/serve-process.ts';
import type { namespaceLab } from '../../test/host/netns.ts';
import { ProgramCheck } from './checks.ts';
import { makeStage, type Stage } from './places.ts';
import type { Load, Program, Running } from './program.ts';

export interface Checked {
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
