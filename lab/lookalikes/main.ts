// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/lookalikes/main.ts [TIMES] [LOAD…]: plays the faults that look alike, natively, and says which rule came first. ONLY= takes
// those with that in their name, SAMPLE_MS= is the mean distance of samples of readers; SAVE= keeps the windows in that folder, and
// JUDGE= judges those of such a folder again.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { program, type Scope } from '../../test/host/scope.ts';
import { type Fixture, packFixture, unpackFixture } from '../../test/snapshots/fixture.ts';
import { LOOK_ALIKES } from './faults.ts';
import { judged, play, told } from './play.ts';

/** As the agent does; on a busy host it is late. */
const SAMPLE_MS = Number(process.env.SAMPLE_MS ?? 50);

async function main(words: readonly string[], t: Scope): Promise<void> {
  const score = new Score();
  if (process.env.JUDGE !== undefined) for (const fixture of saved(process.env.JUDGE)) score.add(fixture);
  else await playAll(words.map(Number), t, score);
  score.print();
}

async function playAll([times = 1, ...loads]: readonly number[], t: Scope, score: Score): Promise<void> {
  const faults = LOOK_ALIKES.filter(({ name }) => name.includes(process.env.ONLY ?? ''));
  const agent = await agentLab(t);
  for (const load of loads.length > 0 ? loads : [0, 4])
    for (let time = 0; time < times; time++)
      for (const fault of faults) {
        const fixture = await play(agent, fault, load, SAMPLE_MS);
        if (process.env.SAVE !== undefined) save(process.env.SAVE, fixture);
        score.add(fixture);
      }
}

function save(folder: string, fixture: Fixture): void {
  mkdirSync(folder, { recursive: true });
  const at = fixture.snapshots[0]?.takenAt ?? 0;
  writeFileSync(join(folder, `${fixture.scenario.replaceAll(' ', '-')}-${at}.json.gz`), packFixture(fixture));
}

function saved(folder: string): readonly Fixture[] {
  return readdirSync(folder).map((file) => unpackFixture(readFileSync(join(folder, file))));
}

class Score {
  #right = 0;
  #wrong = 0;
  #wrongOk = 0;

  add(fixture: Fixture): void {
    const { first, isRight } = judged(fixture);
    if (isRight) this.#right++;
    else if (first?.severity === 'info' || first === undefined) this.#wrongOk++;
    else this.#wrong++;
    console.log(`${isRight ? 'right' : 'WRONG'}  ${fixture.scenario}: ${told(first)}`);
  }

  print(): void {
    console.log(`right first ${this.#right}, wrong ${this.#wrong}, wrong OK ${this.#wrongOk}`);
  }
}

await program(main);
