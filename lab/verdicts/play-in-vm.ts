// SPDX-License-Identifier: Apache-2.0
// play-in-vm.ts ORDER: inside a VM, plays what the order says, one wave after the other, and writes a line for each run.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { parseJson } from '../../test/host/checked-json.ts';
import { type Fixture, objections, packFixture } from '../../test/snapshots/fixture.ts';
import { SCENARIOS } from './catalogue.ts';
import { type Played, playWave } from './load.ts';
import { type Order, orderOf, RESULT, type Result } from './order.ts';
import { isSpecial, type Run, wavesOf } from './plan.ts';
import type { Scenario } from './scenario.ts';
import type { Act } from './step.ts';
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

/** Only what belongs to one namespace; why a mechanism was not attached names paths of the machine. */
function reduced({ takenAt, devices, agent }: Snapshot, netns: number): Snapshot {
  const own = (texts: ReadonlyMap<number, string> = new Map()): ReadonlyMap<number, string> =>
    new Map([...texts].filter(([inode]) => inode === netns));
  const namespaceNames = own(agent.namespaceNames);
  const namespacePaths = own(agent.namespacePaths);
  const probes = agent.probes.map((probe) => ({ ...probe, reason: undefined }));
  const there = devices.filter((device) => device.netns === netns);
  return { takenAt, devices: there, agent: { ...agent, probes, namespaceNames, namespacePaths } };
}

function firstMiddleLast<Item>(items: readonly Item[]): readonly Item[] {
  return [0, Math.floor(items.length / 2), items.length - 1].flatMap((place) => items[place] ?? []);
}

/** undefined: no window shows the rules what they have to say, so that there is nothing to hold them to. */
function fixtureOf(kernel: string, act: Act): Fixture | undefined {
  const { faults, name, asked } = act.scenario;
  const told = faults.map(({ device, rule, also = [] }) => ({ device, rule, also }));
  for (const window of act.windows()) {
    const whole = window.map((snapshot) => reduced(snapshot, act.netns));
    for (const snapshots of [firstMiddleLast(whole), whole]) {
      const fixture = { scenario: name, kernel, netns: act.netns, asked, faults: told, snapshots };
      if (snapshots.length > 1 && objections(fixture).length === 0) return fixture;
    }
  }
  return undefined;
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
