// SPDX-License-Identifier: Apache-2.0
// The plan that a seed gives: which scenario runs in which variant, on which kernel, and beside which others.
import { randomOf } from '../../test/host/random.ts';
import type { Scenario } from './scenario.ts';
import type { Variant } from './setup.ts';

/** A scenario by its place in the list: two processes that have the same list understand each other. */
export interface Run {
  readonly scenario: number;
  readonly variant: Variant;
}

export interface PlanOptions {
  readonly seed: number;
  readonly variants: number;
  readonly series: readonly string[];
  readonly named: (scenario: Scenario) => boolean;
}

/** With more at once the emulated CPUs are the bottleneck that every rule would find: with six, readers waited for a CPU. */
const AT_ONCE = 3;

/** Two variants of a scenario are on different kernels, where it runs on more than one. */
export function runsOf(scenarios: readonly Scenario[], { seed, variants, series, named }: PlanOptions): readonly Run[] {
  const random = randomOf(seed);
  return scenarios.flatMap((scenario, index) => {
    const left = [...series.filter((one) => !scenario.only || scenario.only.series.includes(one))];
    const possible = [...left];
    // Drawn for all, so that ONLY does not change what is drawn.
    const runs = Array.from({ length: possible.length > 0 ? variants : 0 }, (): Run => {
      if (left.length === 0) left.push(...possible);
      const [kernel = ''] = left.splice(random.below(left.length), 1);
      const reader = random.pick(scenario.readers) ?? 'tap';
      const [ring = 0, rate = 0] = [random.pick(scenario.rings), random.pick(scenario.rates)];
      return { scenario: index, variant: { kernel, reader, ring, rate } };
    });
    return named(scenario) ? runs : [];
  });
}

/** Whether the scenario's agent is not the usual one, and so watches nothing else. */
export function isSpecial(scenario: Scenario | undefined): boolean {
  return scenario?.mechanisms !== undefined || scenario?.budget !== undefined;
}

/** What may run at the same time, by the same agent; the first ones with the agent as it is. */
export function wavesOf(scenarios: readonly Scenario[], runs: readonly Run[]): readonly (readonly Run[])[] {
  const scenarioOf = (run: Run): Scenario | undefined => scenarios[run.scenario];
  const together = runs.filter((run) => !scenarioOf(run)?.alone && !isSpecial(scenarioOf(run)));
  const waves = Math.ceil(together.length / AT_ONCE);
  return [
    ...Array.from({ length: waves }, (_, wave) => together.filter((_run, place) => place % waves === wave)),
    ...runs.filter((run) => scenarioOf(run)?.alone).map((run) => [run]),
    ...runs.filter((run) => isSpecial(scenarioOf(run))).map((run) => [run]),
  ];
}
