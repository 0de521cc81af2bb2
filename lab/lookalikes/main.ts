// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/lookalikes/main.ts [TIMES] [LOAD…]: plays the faults that look alike, natively, and says which rule came first. ONLY= takes
// those with that in their name; SAVE= keeps the windows in that folder, and JUDGE= judges those of such a folder again.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type AttachedLab, agentLab } from '../../test/agent/agent-lab.ts';
import { busyLoops } from '../../test/host/busy-cpus.ts';
import { limitedCgroup } from '../../test/host/cgroup.ts';
import { inside, type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import { program, type Scope, scoped } from '../../test/host/scope.ts';
import { type Fixture, packFixture, unpackFixture } from '../../test/snapshots/fixture.ts';
import { LOOK_ALIKES, type LookAlike, rightOf } from './faults.ts';

const PLAYER = join(import.meta.dirname, '../../dist/lab/player');
const READER_CPU = '1';
const SECONDS = 8;
/** Mean distance of samples of readers; an agent on a busy host is late. */
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
        const fixture = await play(agent, fault, load);
        if (process.env.SAVE !== undefined) save(process.env.SAVE, fixture);
        score.add(fixture);
      }
}

function play(agent: AttachedLab, fault: LookAlike, load: number): Promise<Fixture> {
  return scoped(async (t) => {
    const lab = await namespaceLab(t);
    const reader = await player(t, lab, 'read', 'tap0', ...fault.reader.split(' '));
    await lab.raise('tap0', fault.ring);
    if (fault.quota !== undefined) limitedCgroup(lab, reader, 'cpu', fault.quota);
    if (fault.hog) {
      await lab.exec('taskset', '-a', '-p', '-c', READER_CPU, String(reader));
      busyLoops(t, fault.hogs ?? 1, 'taskset', '-c', READER_CPU, ...fault.hog);
    }
    await player(t, lab, 'send', 'tap0', ...fault.sends.map(String));
    busyLoops(t, load);
    await wait(2000);
    const snapshots = (await watched(agent)).map((one) => only(one, lab.inode));
    const faults = [{ device: 'tap0', rule: rightOf(fault, load).join(' or '), also: [] }];
    return { scenario: `${fault.name} ${load}`, kernel: '', netns: lab.inode, asked: 'tap0', faults, snapshots };
  });
}

async function watched(agent: AttachedLab): Promise<readonly Snapshot[]> {
  const snapshots: Snapshot[] = [await agent.snapshot()];
  const began = performance.now();
  while (snapshots.length <= SECONDS) {
    await wait(SAMPLE_MS * (0.5 + Math.random()));
    agent.sampleReaders();
    if (performance.now() - began >= 1000 * snapshots.length) snapshots.push(await agent.snapshot());
  }
  return snapshots;
}

function only(snapshot: Snapshot, netns: number): Snapshot {
  return { ...snapshot, devices: snapshot.devices.filter((device) => device.netns === netns) };
}

/** The pid of a player that is ready; it ends with the scope. */
async function player(t: Scope, { name }: NamespaceLab, ...words: readonly string[]): Promise<number> {
  const child = spawn('nsenter', [...inside(name), PLAYER, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid ?? 0;
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

  add({ scenario, snapshots, faults, netns, asked }: Fixture): void {
    const window = windowOf(snapshots);
    const device = window.devices.find(({ now }) => now.netns === netns && now.name === asked);
    const found = judge(window, device).findings.filter((one) => one.netns === netns && one.device === asked);
    const first = found[0];
    const isRight = first !== undefined && (faults[0]?.rule.split(' or ') ?? []).includes(first.rule);
    if (isRight) this.#right++;
    else if (first?.severity === 'info' || first === undefined) this.#wrongOk++;
    else this.#wrong++;
    console.log(`${isRight ? 'right' : 'WRONG'}  ${scenario}: ${told(first)}`);
  }

  print(): void {
    console.log(`right first ${this.#right}, wrong ${this.#wrong}, wrong OK ${this.#wrongOk}`);
  }
}

function told(finding: Finding | undefined): string {
  if (!finding) return 'nothing';
  const { rule, cause, evidence, remedies } = finding;
  return [rule, cause, ...evidence, ...remedies.flatMap(({ command }) => command ?? [])].join('\n         ');
}

await program(main);
