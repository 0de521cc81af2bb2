// SPDX-License-Identifier: Apache-2.0
// Scenarios that run at the same time, each in a namespace of its own, under one agent.
import { scoped } from '../../test/host/scope.ts';
import type { Run } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { type Score, scoreHealthy, VERDICT_SECONDS } from './score.ts';
import { stageOf } from './setup.ts';
import { Act } from './step.ts';
import type { Watch } from './watch-devices.ts';

export interface Played {
  readonly run: Run;
  readonly act: Act;
}

/** Judgements of a host on which all is still well: until the devices are as old as what is judged. */
const WELL_FIRST = VERDICT_SECONDS + 1;

export async function playWave(
  watch: Watch,
  scenarios: readonly Scenario[],
  runs: readonly Run[],
  played: (one: Played) => void,
): Promise<Score> {
  const from = watch.judgements.length;
  await scoped(async (t) => {
    // One after the other: making namespaces is most of it, and one lock of the kernel's.
    const prepared: { readonly run: Run; readonly act: Act; readonly begin: () => Promise<unknown> }[] = [];
    for (const run of runs) {
      const scenario = scenarios[run.scenario];
      if (!scenario) throw new Error(`There is no scenario ${run.scenario}.`);
      const stage = await stageOf(t, run.variant);
      const begin = await scenario.prepare(stage).catch((cause: unknown) => {
        throw new Error(`'${scenario.name}' (${JSON.stringify(run.variant)}) cannot be prepared.`, { cause });
      });
      prepared.push({ run, act: new Act(scenario, stage), begin });
    }
    watch.forget();
    for (let well = 0; well < WELL_FIRST; well++) await watch.next();
    const begun = Promise.all(
      prepared.map(async ({ act, begin }) => {
        act.begin(watch.judgements);
        await begin();
      }),
    );
    await Promise.all([begun, hearAll(watch, prepared)]);
    for (const { run, act } of prepared) played({ run, act });
  });
  return scoreAgent(
    watch,
    from,
    runs.flatMap((run) => scenarios[run.scenario] ?? []),
  );
}

async function hearAll(watch: Watch, acts: readonly Pick<Played, 'act'>[]): Promise<void> {
  while (!acts.every(({ act }) => act.over)) {
    await watch.next();
    const judgement = watch.judgements.at(-1);
    if (judgement) for (const { act } of acts) act.hear(judgement);
  }
}

/** What was said of the agent, of which nothing was to be said unless a scenario made it so. */
function scoreAgent(watch: Watch, from: number, scenarios: readonly Scenario[]): Score {
  const blind = scenarios.some(({ faults }) => faults.some(({ device }) => device === ''));
  return scoreHealthy(
    blind
      ? []
      : watch.judgements.slice(from).map(({ at, findings }) => ({
          at,
          findings: findings
            .filter(({ netns }) => netns === undefined)
            .map(({ rule, severity }) => ({ rule, info: severity === 'info' })),
        })),
  );
}
