// SPDX-License-Identifier: Apache-2.0
// play-in-vm.ts ORDER: inside a VM, plays what the order says, one wave after the other, and writes a line for each run.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { parseJson } from '../../test/host/checked-json.ts';
import { SCENARIOS } from './catalogue.ts';
import { fixtureOf, packFixture } from './fixture.ts';
import { type Played, playWave } from './load.ts';
import { type Order, orderOf, RESULT, type Result } from './order.ts';
import { isSpecial, type Run, wavesOf } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { watch } from './watch-devices.ts';

async function main(order: Order): Promise<void> {
  prepareHost();
  const tell = (result: Result): void => console.log(`${RESULT}${JSON.stringify(result)}`);
  const played = ({ run, act }: Played): void => {
    const scores = act.scores();
    const fixture = order.record ? fixtureOf(run.variant.kernel, act) : undefined;
    tell({ run, scores, figures: act.figures(), fixture: fixture && packFixture(fixture).toString('base64') });
  };
  const waves = wavesOf(SCENARIOS, order.runs);
  const scenarioOf = ([first]: readonly Run[] = []): Scenario | undefined => SCENARIOS[first?.scenario ?? -1];
  const special = waves.filter((wave) => isSpecial(scenarioOf(wave)));
  const plain = waves.filter((wave) => !special.includes(wave));
  for (const group of [plain, ...special.map((wave) => [wave])]) {
    await watch(scenarioOf(group[0]) ?? {}, async (watched) => {
      for (const wave of group) {
        placeAgent(wave.some((run) => SCENARIOS[run.scenario]?.alone));
        const scores = [await playWave(watched, SCENARIOS, wave, played)];
        if (scores[0]?.outcome !== 'healthy') tell({ run: undefined, scores, figures: undefined, fixture: undefined });
      }
    });
  }
}

/** A reader that is alone has a CPU that the agent does not take from it. */
function placeAgent(aside: boolean): void {
  execFileSync('taskset', ['-a', '-p', '-c', aside ? '0,2,3' : '0-3', String(process.pid)], { stdio: 'ignore' });
}

function prepareHost(): void {
  execFileSync('modprobe', ['-a', 'tun', 'vhost_net', 'bridge', 'veth']);
  // BPF statistics stay on, as in lab/kernels/main.ts: QEMU does not survive that the agent switches them on and off.
  writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '1');
}

await main(orderOf(parseJson(process.argv[2] ?? ''))).catch((error: unknown) => {
  console.error(inspect(error, { depth: 3 }));
  process.exit(1); // what a scenario left behind must not keep the VM
});
